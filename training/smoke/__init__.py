"""The smoke detector's experiment: from tower sequences to the bundle that ships."""
