"""Plumes and weather laid over given pictures, with exact truth (docs/scene.md)."""
