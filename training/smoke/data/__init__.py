"""Pictures with their truth, from whatever folder they lie in: readers, groups, splits, corrections, counts, sheets."""
