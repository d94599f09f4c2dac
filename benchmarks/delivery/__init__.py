"""The delivery under fire: what a tower commits, against what its receivers have."""
