"""Heartbeats: dead man's switches."""
