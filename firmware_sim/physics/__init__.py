"""Sun, panel, battery, heat and power of a tower that is not there; pure, seeded, on one simulated clock."""
