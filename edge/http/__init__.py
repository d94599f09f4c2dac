"""The one HTTP client of the device: it fetches pictures, and webhooks send with it."""
