"""The production settings with the bare view added, and a rate limit that load does not reach."""

from feeds.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
RATE_LIMIT = 10_000_000  # the count is still made for each request
