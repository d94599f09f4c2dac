"""What a camera shows at a simulated time, with its truth: clips, folders, real sequences, rendered landscapes."""
