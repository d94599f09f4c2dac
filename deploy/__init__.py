"""Putting the daemon on a board over ssh: the host's side, for nothing of it stays on the device."""
