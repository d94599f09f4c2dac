"""The model: its bundle and manifest, preprocessing, and the backends that run it."""
