"""Truth, and the one scorer of events: what was there, what was found, with what certainty."""
