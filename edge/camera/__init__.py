"""Cameras: a source per kind of address, a thread per camera, and the condition of what they see."""
