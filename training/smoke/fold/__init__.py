"""Cross-validation: every camera group and every quiet stream left out once, and judged by what never saw it."""
