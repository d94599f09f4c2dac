"""The one HTTP client of the device: it fetches pictures, and later uplinks send with it."""
