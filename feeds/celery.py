"""The Celery application and its beat schedule."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feeds.settings")

app = Celery("pulseboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    # Retention is counted in days, so an hour is often enough.
    "prune": {"task": "feeds.tasks.prune", "schedule": 3600.0},
}
