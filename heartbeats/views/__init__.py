"""The pages of heartbeats and of their teams."""
