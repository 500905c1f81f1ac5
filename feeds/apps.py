"""The core app."""

from django.apps import AppConfig


class FeedsConfig(AppConfig):
    """Sources, components, activities and who may see and send them."""

    name = "feeds"
    verbose_name = "Pulseboard"
