"""Resumable steps with digests, and what a result was made with."""
