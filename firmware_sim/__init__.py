"""A tower without a tower: recorded or synthetic cameras for the real daemon."""
