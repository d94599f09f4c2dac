"""A whole tower that is not there: scenario, the two clocks that run it, what a run leaves, and its report."""
