"""What many students share: frozen networks and what they make of pictures."""
