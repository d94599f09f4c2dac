"""Architecture and what is an arm's own, searched on the inner folds of fold 1's training side."""
