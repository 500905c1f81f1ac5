"""The benchmark's settings with the peer installed: django-activity-stream."""

from benchmarks.settings import *  # noqa: F403
from benchmarks.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.sites", "actstream"]
SITE_ID = 1
