"""Pulseboard: the Django project and its core app."""
