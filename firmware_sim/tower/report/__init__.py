"""The report of a run: JSON with every figure, one page for people, and reports beside each other."""
