"""The forms with which events are composed, made of the table of kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.forms import BoundField

from feeds.composing.kinds import KINDS
from feeds.composing.slots import EMPTY, Kind, Slot
from feeds.dialects.mapping import DialectError, Document
from feeds.dialects.outward import UPSTREAMS
from feeds.models import KEY_LENGTH, Component, Connection
from feeds.reader import UtcField

NAMED_THERE = ("compass", "pulseboard")  # dialects of upstreams where components have ids
LONGEST_PASTE = 1_000_000  # characters


@dataclass(frozen=True)
class Place:
    """An upstream that an event may go to, as the form shows it."""

    connection: Connection
    chosen: BoundField
    there: BoundField | None  # what the component is called there
    name: str  # of what it speaks

    @property
    def paused(self) -> str:
        """Say why letters to it wait, "" if they go."""
        if self.connection.paused_at is None:
            return ""
        return self.connection.pause_reason or "paused"


class Blamed(forms.Form):
    """A form whose fields take the faults that are found in the event they make."""

    kind: Kind
    slots: Sequence[Slot]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for slot in self.slots:
            self.fields[slot.name] = slot.field()

    def describe(self) -> None:
        """Tie each field to its hint, and to the place where its faults show."""
        for name, field in self.fields.items():
            if field.widget.is_hidden:
                continue
            hint = [f"id_{name}_helptext"] if field.help_text else []
            field.widget.attrs["aria-describedby"] = " ".join([*hint, f"id_{name}_error"])

    @property
    def document(self) -> Document:
        """Return the event as its wire has it, as far as the fields are right."""
        return self.kind.document(self.cleaned_data)

    def blame(self, error: DialectError) -> None:
        """Show the faults of the document at the fields that make it."""
        for fault in error.faults:
            self.refuse(fault.path, fault.message)

    def refuse(self, path: str, rule: str) -> None:
        """Say at the field that PATH leads to which RULE it breaks, else on top of the form."""
        name = self.kind.field_at(path) or (path if path in self.fields else "")
        if name in self.fields:
            self.add_error(name, f"{rule[:1].upper()}{rule[1:]}.")
        else:
            self.add_error(None, f"{path}: {rule}" if path else rule)

    @property
    def parts(self) -> list[BoundField]:
        """Return the fields of the event that everybody fills in."""
        return [self[slot.name] for slot in self.slots if not slot.more]

    @property
    def details(self) -> list[BoundField]:
        """Return the fields of the event that few people change."""
        return [self[slot.name] for slot in self.slots if slot.more]

    @property
    def details_wrong(self) -> bool:
        """Tell whether something is wrong with what few people change."""
        return any(field.errors for field in self.details)


class ComposeForm(Blamed):
    """One event, where it goes, and when; a class of each kind is in FORMS."""

    # off: a page that is loaded again has an identity of its own, which Firefox would overwrite
    identity = forms.UUIDField(widget=forms.HiddenInput(attrs={"autocomplete": "off"}))
    component = forms.ModelChoiceField(
        Component.objects.all(),
        to_field_name="slug",
        required=False,
        empty_label="None",
    )
    send_at = UtcField(
        label="Send at",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        help_text="In UTC. Left empty, it goes at once.",
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        initial: Mapping[str, Any],
        connections: Iterable[Connection],
        now: datetime,
    ) -> None:
        super().__init__(data, initial=dict(initial))
        self.now = now
        self.connections = [
            each for each in connections if self.kind.wire in UPSTREAMS[each.dialect].WIRES
        ]
        for connection in self.connections:
            self.fields[f"to-{connection.uuid}"] = forms.BooleanField(
                label=connection.name, required=False
            )
            if self._named_there(connection):
                self.fields[f"there-{connection.uuid}"] = forms.CharField(
                    label="Component there",
                    required=False,
                    max_length=KEY_LENGTH,
                    help_text="Its id there, the ARI. May stay empty where it knows the source.",
                )
        self.describe()

    def clean_send_at(self) -> datetime | None:
        """Want a moment that is yet to come."""
        moment: datetime | None = self.cleaned_data["send_at"]
        if moment is None:
            return None
        moment = moment.astimezone(UTC)
        if moment <= self.now:
            raise forms.ValidationError(
                f"Must be in the future; in UTC it is {self.now:%Y-%m-%d %H:%M} now."
            )
        return moment

    def clean(self) -> dict[str, Any]:
        """Want one of the fields that say what happened, where the wire wants none of them."""
        given = super().clean() or self.cleaned_data
        for names in self.kind.one_of:
            if not any(given.get(name) not in EMPTY or name in self.errors for name in names):
                field = self.fields[names[0]]
                rule = field.error_messages["required"]
                self.add_error(names[0], forms.ValidationError(rule, code="required"))
        return given

    @property
    def chosen(self) -> list[tuple[Connection, str]]:
        """Return the connections that were chosen, each with the component's id there."""
        given = self.cleaned_data
        return [
            (connection, given.get(f"there-{connection.uuid}") or "")
            for connection in self.connections
            if given.get(f"to-{connection.uuid}")
        ]

    @property
    def places(self) -> list[Place]:
        """Return the connections that may be chosen."""
        return [
            Place(
                connection,
                self[f"to-{connection.uuid}"],
                self[f"there-{connection.uuid}"] if self._named_there(connection) else None,
                UPSTREAMS[connection.dialect].NAME,
            )
            for connection in self.connections
        ]

    @property
    def half_filled(self) -> bool:
        """Tell whether nothing is wrong but that something is missing."""
        self.is_valid()
        return all(
            error.code == "required"
            for errors in self.errors.as_data().values()
            for error in errors
        )

    @property
    def missing(self) -> set[str]:
        """Return the names of the fields of the event that must be given, and are not yet."""
        return {slot.name for slot in self.slots if slot.name in self.errors}

    @property
    def sketch(self) -> Document | None:
        """Return the event with what stands in for what is missing; None if more is wrong."""
        if not self.half_filled or set(self.errors) != self.missing:
            return None
        stand_ins = self.kind.stood_in(self.missing)
        return None if stand_ins is None else self.kind.document({**self.cleaned_data, **stand_ins})

    @property
    def lasting(self) -> Document:
        """Return what another event will have too, without times and ids of its own."""
        lasting = [slot.name for slot in self.slots if not slot.fresh]
        given = self.cleaned_data
        return {name: given[name] for name in lasting if name in given}

    def _named_there(self, connection: Connection) -> bool:
        return self.kind.wire == "compass" and connection.dialect in NAMED_THERE


class ProgressForm(Blamed):
    """What an update may change: all but the identity, or of TeamHub how far the build is."""

    above = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self, kind: Kind, data: Mapping[str, Any] | None = None, *, initial: Mapping[str, Any]
    ) -> None:
        self.kind = kind
        partial = kind.wire == "teamhub"
        self.slots = kind.some(("operation", "progress")) if partial else kind.slots
        super().__init__(data, initial=dict(initial))
        for slot in self.slots:
            self.fields[slot.name].disabled = slot.identity
        self.describe()

    @property
    def document(self) -> Document:
        """Return the changed event; of TeamHub no more than the change."""
        if self.kind.wire == "teamhub":
            return {slot.name: self.cleaned_data[slot.name] for slot in self.slots}
        return super().document


class TemplateForm(forms.Form):
    """A name for a form that is to be used again; it stands inside of that form."""

    prefix = "template"

    name = forms.CharField(label="Name", max_length=100)
    shared = forms.BooleanField(
        label="Share it", required=False, help_text="Everybody sees it; only you delete it."
    )


class PasteForm(forms.Form):
    """What somebody pastes to fill the form."""

    identity = forms.UUIDField(widget=forms.HiddenInput, required=False)  # of the filled form
    pasted = forms.CharField(
        label="JSON body or curl command",
        max_length=LONGEST_PASTE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false"}),
        help_text="An event of Compass, Activity Streams or TeamHub. Secrets in it are not kept.",
    )


def _form_of(kind: Kind) -> type[ComposeForm]:
    name = f"{kind.key.title().replace('-', '')}Form"
    return type(name, (ComposeForm,), {"kind": kind, "slots": kind.slots, "__doc__": kind.said})


#: The form class of each kind, by the kind's key.
FORMS: dict[str, type[ComposeForm]] = {key: _form_of(kind) for key, kind in KINDS.items()}
