"""The bundle that ships: the student on all groups, its point set by the students of the folds, its card."""
