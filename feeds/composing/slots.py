"""One value of an event that is composed: where the document keeps it, and its field in the form.

The table reads in two directions: Kind.document() makes the document of what a form holds, and
Kind.values() makes what a form holds of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django import forms

from feeds.dialects.mapping import INT64, INTEGER, TEXT, Codec, Document, read_time, write_time
from feeds.vocabulary import look

LONGEST_LINE = 4000  # characters; a wire may allow less
LONGEST_TEXT = 50_000  # characters: far below the 256 kB that a wire takes
EMPTY: tuple[Any, ...] = (None, "", [])


@dataclass(frozen=True)
class Start:
    """What the defaults of a new form are made of."""

    home: str  # the address of this Pulseboard
    link: str  # the address under which the event will be found
    token: str  # an id that nothing else has
    slug: str = ""  # of the component
    name: str = ""


@dataclass(frozen=True)
class Shape:
    """How a value is asked for, written into a document, and read out of one.

    `read` raises ValueError for what no form can hold.
    """

    make: Callable[..., forms.Field]
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    stand_in: str = "…"  # in the preview of an event that does not say it yet
    chosen: bool = False  # of a list, so that what stands in must not show


@dataclass(frozen=True)
class Slot:
    """One value: its path below the event, and what the form says of it."""

    path: str
    label: str
    shape: Shape
    codec: Codec = TEXT
    required: bool = False
    more: bool = False  # stands among the details that few people change
    help: str = ""
    default: Callable[[Start], Any] | None = None
    derived: Callable[[Mapping[str, Any]], Any] | None = None  # of the others, if it is left empty
    kept: bool = False  # stands in the document even if it is empty
    identity: bool = False  # stays as it is in an update
    fresh: bool = False  # is not taken over from an earlier event
    remembered: bool = False  # is by default that of the component's last event

    @property
    def name(self) -> str:
        """Return the name of the form's field."""
        steps = self.path.split(".")
        return "-".join(steps[1:] if steps[0].endswith("Properties") else steps)

    def field(self) -> forms.Field:
        """Make the form's field, which refuses what the dialect would."""
        made = self.shape.make(required=self.required, label=self.label, help_text=self.help)
        made.validators = [*made.validators, self._check]
        return made

    def _check(self, value: Any) -> None:
        try:
            self.codec.read(self.shape.write(value))
        except ValueError as error:
            rule = str(error)
            raise forms.ValidationError(f"{rule[:1].upper()}{rule[1:]}.") from None


@dataclass(frozen=True)
class Kind:
    """One kind of event that can be composed."""

    key: str  # in addresses
    wire: str  # the dialect of its documents
    kind: str  # of the activity that it makes
    label: str
    said: str  # what it is for, in a line
    slots: tuple[Slot, ...]
    event: tuple[str, ...] = ()  # the steps to the event in its document
    constants: Mapping[str, Any] = field(default_factory=dict)  # of the event
    envelope: frozenset[str] = frozenset()  # paths of the document that a form need not hold
    canonical: Callable[[Document], Document] = dict  # a document as the table spells it
    one_of: tuple[tuple[str, ...], ...] = ()  # names of fields, of each of which one must be given
    state_in_title: bool = False  # the title that is made of it says how it went

    def document(self, values: Mapping[str, Any]) -> Document:
        """Write what a form holds as its wire has it."""
        event: Document = dict(self.constants)
        for slot in self.slots:
            value = values.get(slot.name)
            if value in EMPTY and slot.derived is not None:
                value = slot.derived(values)
            if value not in EMPTY:
                _put(event, slot.path, slot.shape.write(value))
            elif slot.kept:
                _put(event, slot.path, "")
        for step in reversed(self.event):
            event = {step: event}
        return event

    def values(self, document: Document) -> Document:
        """Read what a form can hold of DOCUMENT."""
        return {slot.name: value for slot, value in self._held(document)}

    def left_out(self, document: Document) -> list[str]:
        """Return the paths of what DOCUMENT says and no field of the form can hold."""
        held = {".".join((*self.event, slot.path)) for slot, _ in self._held(document)}
        held |= {".".join((*self.event, name)) for name in self.constants} | self.envelope
        said = _leaves(self.canonical(document))
        return [path for path in said if not any(_within(path, known) for known in held)]

    def field_at(self, path: str) -> str:
        """Return the name of the field that PATH of a document leads to, "" if none is meant."""
        for slot in self.slots:
            if path in (".".join((*self.event, slot.path)), slot.path, slot.name):
                return slot.name
        inner = (slot.name for slot in self.slots if slot.path.startswith(f"{path}."))
        return next(inner, "")

    @property
    def icon(self) -> str:
        """Return the icon of the kind."""
        return look(self.kind).icon

    @property
    def tint(self) -> str:
        """Return the colour of its icon."""
        return look(self.kind).tint

    def fits(self, wire: str, document: Document) -> bool:
        """Tell whether DOCUMENT of WIRE is an event of this kind."""
        here = self.canonical(document)
        return self.wire == wire and (not self.event or _at(here, ".".join(self.event)) is not None)

    def stood_in(self, names: Collection[str]) -> Document | None:
        """Return what stands in for the fields called NAMES; None where it could not be hidden."""
        slots = self.some(names)
        if self.state_in_title and any(slot.shape.chosen for slot in slots):
            return None
        return {slot.name: slot.shape.stand_in for slot in slots}

    def hide(self, names: Collection[str], details: Document) -> bool:
        """Take what stands in for a choice out of DETAILS; tell whether the state is one."""
        chosen = [slot for slot in self.some(names) if slot.shape.chosen]
        paths = [".".join((*self.event, slot.path)) for slot in chosen]
        held = [path for path in paths if _at(details, path) is not None]
        for path in held:
            _put(details, path, "")
        return len(held) < len(paths)  # which has a column

    def some(self, names: Collection[str]) -> tuple[Slot, ...]:
        """Return the slots that are called one of NAMES."""
        return tuple(slot for slot in self.slots if slot.name in names)

    def _held(self, document: Document) -> Iterator[tuple[Slot, Any]]:
        event: Any = self.canonical(document)
        for step in self.event:
            event = event.get(step) if isinstance(event, dict) else None
        for slot in self.slots:
            value = _at(event, slot.path)
            if value is None:
                continue
            try:
                yield slot, slot.shape.read(value)
            except ValueError:
                continue


def _put(document: Document, path: str, value: Any) -> None:
    *steps, last = path.split(".")
    for step in steps:
        document = document.setdefault(step, {})
    document[last] = value


def _at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = document.get(step) if isinstance(document, dict) else None
    return document


def _leaves(document: Document, above: str = "") -> list[str]:
    """Return the path of every value in DOCUMENT that is given."""
    found = []
    for name, value in document.items():
        path = f"{above}{name}"
        if isinstance(value, dict) and value:
            found += _leaves(value, f"{path}.")
        elif value not in (None, {}):
            found.append(path)
    return found


def _within(path: str, known: str) -> bool:
    return path == known or path.startswith(f"{known}.")


# ---- shapes


def _same(value: Any) -> Any:
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is no text")
    return value


def _read_name(value: Any) -> str:
    """Read an id, or an object with one."""
    return _read_text(value.get("id") if isinstance(value, dict) else value)


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no number")
    return value


def _read_lines(value: Any) -> str:
    """Read a list of ids, objects with one, or revision numbers; or one of them."""
    each = value if isinstance(value, list) else [value]
    return "\n".join(
        str(part) if isinstance(part, int) and not isinstance(part, bool) else _read_name(part)
        for part in each
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _moment(text: str) -> str:
    """Return TEXT, a time, with its offset; what has none is UTC."""
    text = text.strip()
    try:
        read_time(text)
    except ValueError:
        try:
            naive = datetime.fromisoformat(text)
        except ValueError:
            return text
        return write_time(naive.replace(tzinfo=UTC)) if naive.tzinfo is None else text
    return text


def _plain(number: float) -> float:
    """Return NUMBER without a fraction that says nothing."""
    return int(number) if number == int(number) else number


def _line_field(**options: Any) -> forms.Field:
    return forms.CharField(max_length=LONGEST_LINE, **options)


class _Text(forms.CharField):
    """Text of several lines, whose ends are those of the document and not of the browser."""

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


def _area(rows: int) -> Callable[..., forms.Field]:
    def make(**options: Any) -> forms.Field:
        widget = forms.Textarea(attrs={"rows": rows})
        return _Text(max_length=LONGEST_TEXT, strip=False, widget=widget, **options)

    return make


def _moment_field(**options: Any) -> forms.Field:
    widget = forms.TextInput(attrs={"placeholder": "2026-11-21T14:03:07Z", "class": "mono"})
    return forms.CharField(max_length=64, widget=widget, **options)


def _whole_field(least: int, most: int) -> Callable[..., forms.Field]:
    def make(**options: Any) -> forms.Field:
        return forms.IntegerField(min_value=least, max_value=most, **options)

    return make


def _score_field(**options: Any) -> forms.Field:
    return forms.FloatField(min_value=0, max_value=10, **options)


LINE = Shape(_line_field, _same, _read_text)
AREA = Shape(_area(3), _same, _read_text)
NAME = Shape(_line_field, _same, _read_name)
LINES = Shape(_area(2), _lines, _read_lines)
MOMENT = Shape(_moment_field, _moment, _read_text)
WHOLE = Shape(_whole_field(INT64[0], INT64[-1]), _same, INTEGER.read)
PERCENT = Shape(_whole_field(0, 100), _same, INTEGER.read)
SCORE = Shape(_score_field, _plain, _read_number)


def word(
    words: Sequence[str],
    *,
    said: Mapping[str, str] | None = None,
    lower: bool = False,
    none: str = "Not given",
) -> Shape:
    """Return the shape of one of WORDS, read in any case if LOWER.

    SAID are the odd labels, and NONE is that of no choice.
    """
    labels = {each: (said or {}).get(each) or _label(each) for each in words}

    def make(**options: Any) -> forms.Field:
        empty = "Choose one" if options.get("required") else none
        return forms.ChoiceField(choices=[("", empty), *labels.items()], **options)

    def read(value: Any) -> str:
        text = _read_text(value)
        text = text.lower() if lower else text
        if text not in labels:
            raise ValueError(f"is none of {', '.join(words)}")
        return text

    return Shape(make, _same, read, stand_in=words[-1], chosen=True)


def _label(word: str) -> str:
    return word if word[-1:].isdigit() else word.replace("_", " ").capitalize()
