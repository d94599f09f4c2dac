"""Latency, memory, energy and frames, counted by the daemon itself."""
