"""The forms of the outbox: which letters to show, and which to send again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from feeds.models import Composition, Connection, Delivery
from feeds.reader import UtcField

MOST_ID = 2**63 - 1
SCHEDULED = Composition.State.SCHEDULED
TABS = [("", "All"), (SCHEDULED.value, SCHEDULED.label), *Delivery.State.choices]
ENDED = [
    (Delivery.State.DEAD.value, "Dead letters"),
    (Delivery.State.CANCELLED.value, "Cancelled letters"),
]
NO_MOMENT = "Write a moment as 2026-11-21T14:03; it is read as UTC."


class ToConnection(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """One connection, or any."""

    def __init__(self) -> None:
        super().__init__(
            Connection.objects.all(), to_field_name="uuid", required=False,
            empty_label="All connections",
            error_messages={"invalid_choice": "There is no such connection; it may be deleted."},
        )  # fmt: skip

    def to_python(self, value: Any) -> Any:
        """Return the connection; what is no uuid names none."""
        try:
            return super().to_python(value)
        except (TypeError, ValueError, OverflowError):
            raise self.invalid(value) from None

    def invalid(self, value: Any) -> forms.ValidationError:
        """Return the fault of a value that names no connection."""
        return forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")


class OutboxFilter(forms.Form):
    """Which letters the outbox shows."""

    state = forms.ChoiceField(choices=TABS, required=False)
    connection = ToConnection()
    before = forms.IntegerField(
        min_value=0, max_value=MOST_ID, required=False, widget=forms.HiddenInput
    )


class ReplayForm(forms.Form):
    """Which letters to send again; `until` is the moment of the plan, and no letter is newer."""

    state = forms.ChoiceField(label="Send again", choices=ENDED, required=False)
    connection = ToConnection()
    since = UtcField(
        label="Ended since",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="UTC. Left empty: from the beginning.",
        error_messages={"invalid": NO_MOMENT},
    )
    until = UtcField(
        required=False, widget=forms.HiddenInput, error_messages={"invalid": NO_MOMENT}
    )

    def clean_state(self) -> str:
        """Take dead letters, unless others are named."""
        return self.cleaned_data["state"] or Delivery.State.DEAD.value

    def clean_until(self) -> datetime:
        """Take this moment, unless the plan was made at an earlier one."""
        now = timezone.now()
        return min(self.cleaned_data["until"] or now, now)
