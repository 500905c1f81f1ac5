"""Heartbeats: dead man's switches. Reserved; nothing watches yet."""
