"""Firetower's device side: cameras in, smoke events out, with counters that say how they know."""

__version__ = "0.1.0"
