"""The vendor-compatible endpoints, and our own API."""
