"""A clip through the pipeline as fast as possible, and the one scorer of events against the truth."""
