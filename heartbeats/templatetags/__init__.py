"""Template tags of heartbeats."""
