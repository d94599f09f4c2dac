"""From a network to what a tower runs: files, their description, bundle, card."""
