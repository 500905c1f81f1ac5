"""How a person wants to read, and when they last did; it follows them from device to device."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from feeds.models.lengths import ZONE_LENGTH

NO_ZONE = "Must be the name of a time zone, such as Europe/Berlin or UTC."


class Theme(models.TextChoices):
    """Which colours."""

    SYSTEM = "system", "As the system has it"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Density(models.TextChoices):
    """How much room a row of the feed takes."""

    COMPACT = "compact", "Compact: one line an event"
    COZY = "cozy", "Cozy: two lines"
    COMFORT = "comfort", "Comfort: with the first words of the content"


class Times(models.TextChoices):
    """How moments are written."""

    BOTH = "both", "14:03:07, and 2 minutes ago"
    ABSOLUTE = "absolute", "14:03:07"
    RELATIVE = "relative", "2 minutes ago"


def check_zone(name: str) -> None:
    """Refuse a NAME that is no time zone of the tz database."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a directory of the tz database
        raise ValidationError(NO_ZONE) from None


class Preferences(models.Model):
    """How a person wants to read."""

    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    density = models.CharField(max_length=8, choices=Density.choices, default=Density.COZY)
    time_zone = models.CharField(max_length=ZONE_LENGTH, default="UTC", validators=[check_zone])
    times = models.CharField(max_length=8, choices=Times.choices, default=Times.BOTH)
    collapse = models.BooleanField(default=True)  # adjacent repeats, into one row
    shortcuts = models.BooleanField(default=True)  # of a single letter: WCAG 2.1.4
    #: When they last looked at the feed, and when they had before this visit; null: never.
    seen_at = models.DateTimeField(null=True, editable=False)
    seen_before = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    @property
    def zone(self) -> ZoneInfo:
        """The time zone; one that the tz database of this machine does not have is UTC."""
        try:
            return ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            return ZoneInfo("UTC")


#: What may be chosen, by its name.
PREFERENCES = ("theme", "density", "time_zone", "times", "collapse", "shortcuts")

KNOWN_PREFERENCES = models.CheckConstraint(
    condition=Q(theme__in=Theme.values, density__in=Density.values, times__in=Times.values),
    name="user_has_known_preferences",
)
