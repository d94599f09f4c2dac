"""From scores to regions, from regions to events."""
