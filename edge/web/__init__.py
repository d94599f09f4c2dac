"""The daemon's web server: health, metrics, status."""
