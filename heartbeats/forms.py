"""The forms of heartbeats: what is asked, in which words, and what is wrong with an answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import validate_email
from django.utils import timezone

from feeds.dialects.mapping import EPOCH
from feeds.forms import is_web_address
from feeds.models import KEY_LENGTH, Component, Connection, Role, User
from feeds.reader import UtcField
from heartbeats.access import may_use
from heartbeats.actions.mirrors import DIALECTS
from heartbeats.models import (
    CRON_LENGTH,
    DESCRIPTION_LENGTH,
    LONGEST_PERIOD,
    MESSAGE_LENGTH,
    NAME_LENGTH,
    TAG_LENGTH,
    TAGS_LIMIT,
    ZONE_LENGTH,
    Channel,
    Heartbeat,
    Team,
)
from heartbeats.schedule import LAST, check_cron, check_zone, period_of

LONGEST_WINDOW = timedelta(days=366)
LONGEST_SNOOZE = 7 * 24 * 60  # minutes; who wants more pauses it
LONGEST_REPEAT = 7 * 24 * 60  # minutes
LARGEST = LONGEST_PERIOD // timedelta(minutes=1)  # of any unit; what is too long is said after it
Unit = Heartbeat.Unit
CRON_HELP = (
    "Five fields: minute, hour, day of the month, month, day of the week. "
    "<code>30 2 * * *</code> is every night at half past two."
)
DUPLICATE_HELP = "A duplicate has all settings of the other, and a ping address of its own."


class TagsField(forms.CharField):
    """Tags with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        """Write stored tags as a line."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """Read a line into tags, each once."""
        tags = list(dict.fromkeys(filter(None, map(str.strip, super().clean(value).split(",")))))
        if len(tags) > TAGS_LIMIT:
            raise forms.ValidationError(f"More than {TAGS_LIMIT} tags.")
        if any(len(tag) > TAG_LENGTH for tag in tags):
            raise forms.ValidationError(f"A tag has at most {TAG_LENGTH} characters.")
        return tags


class CronForm(forms.Form):
    """What has a cron schedule, maybe an empty one, and its time zone."""

    def clean(self) -> dict[str, Any]:
        """Want a schedule that comes."""
        given = super().clean() or {}
        given["time_zone"] = zone = given.get("time_zone") or "UTC"
        try:
            check_zone(zone)
        except ValueError as error:
            self.add_error("time_zone", f"{error}.")
            return given
        if given.get("cron"):
            try:
                check_cron(given["cron"], zone, now=timezone.now())
            except ValueError as error:
                self.add_error("cron", f"{error}.")
        return given

    def span(self, amount: str, unit: str, longest: timedelta) -> timedelta | None:
        """Return how long the fields AMOUNT and UNIT say; None, with an error, if too long."""
        given = self.cleaned_data
        if given.get(amount) is None or not given.get(unit):
            return None
        if given[amount] > longest // period_of(1, given[unit]):
            self.add_error(amount, f"At most {longest.days} days.")
            return None
        return period_of(given[amount], given[unit])


class HeartbeatForm(CronForm):
    """What may change of a heartbeat."""

    description = forms.CharField(
        max_length=DESCRIPTION_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What it watches, and what to do when it stops.",
    )
    component = forms.ModelChoiceField(
        Component.objects.all(),
        to_field_name="slug",
        required=False,
        empty_label="None",
        help_text="Where its alerts show.",
    )
    tags = TagsField(required=False, help_text="To find it by; commas between them: prod, nightly.")
    interval = forms.IntegerField(
        label="A ping every",
        min_value=1,
        max_value=LARGEST,
        required=False,
        help_text="How often the program says that it lives.",
    )
    interval_unit = forms.ChoiceField(label="Unit", choices=Unit.choices, initial=Unit.MINUTES)
    cron = forms.CharField(
        label="Or by a cron schedule",
        max_length=CRON_LENGTH,
        required=False,
        help_text=f"Then the interval above does not count. {CRON_HELP}",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    time_zone = forms.CharField(
        max_length=ZONE_LENGTH,
        required=False,
        initial="UTC",
        help_text="Of the cron schedule, such as Europe/Berlin.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    grace = forms.IntegerField(
        label="Grace",
        min_value=0,
        max_value=LARGEST,
        initial=0,
        help_text="How much later a ping may come before anybody is told.",
    )
    grace_unit = forms.ChoiceField(label="Unit", choices=Unit.choices, initial=Unit.MINUTES)
    alert_message = forms.CharField(
        max_length=MESSAGE_LENGTH,
        required=False,
        help_text="What its alert says. Left empty: the name, and that it is expired.",
    )
    alert_priority = forms.ChoiceField(
        choices=Heartbeat.Priority.choices,
        initial=Heartbeat.Priority.P3,
        help_text="P1 is the most urgent.",
    )
    alert_tags = TagsField(required=False, help_text="Of its alerts; commas between them.")
    repeat_minutes = forms.IntegerField(
        label="Tell again every",
        min_value=0,
        max_value=LONGEST_REPEAT,
        initial=0,
        help_text="Minutes, while it is down. 0: people are told once.",
    )
    mirror = forms.ModelChoiceField(
        Connection.objects.filter(dialect__in=DIALECTS),
        label="Mirror to",
        to_field_name="uuid",
        required=False,
        empty_label="Nowhere",
        help_text="It is made, changed, pinged and deleted there as it is here; taken off, it is "
        "deleted there.",
    )
    mirror_team = forms.CharField(
        label="Its team there",
        max_length=KEY_LENGTH,
        required=False,
        help_text="The teamId. Left empty: as here.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    enabled = forms.BooleanField(
        label="Watch it",
        required=False,
        initial=True,
        help_text="From its first ping on. Else it is Off: pings are recorded, nobody is told.",
    )
    parts = (
        ("What it is", ("team", "name", "description", "component", "tags")),
        (
            "When it is due",
            ("interval", "interval_unit", "cron", "time_zone", "grace", "grace_unit"),
        ),
        ("Its alert", ("alert_message", "alert_priority", "alert_tags", "repeat_minutes")),
        ("A copy elsewhere", ("mirror", "mirror_team")),
        ("", ("enabled",)),
    )  # fmt: skip
    #: Fields that stand beside the one before them.
    beside = ("interval_unit", "time_zone", "grace_unit", "alert_priority", "name", "mirror_team")

    def __init__(self, data: Any = None, *, beat: Heartbeat | None = None) -> None:
        self.beat = beat
        super().__init__(data, initial=_initial(beat) if beat else None)
        if not Connection.objects.filter(dialect__in=DIALECTS).exists():
            del self.fields["mirror"], self.fields["mirror_team"]

    def sections(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """Yield the fields in groups, each with its heading."""
        for heading, names in self.parts:
            if fields := [self[name] for name in names if name in self.fields]:
                yield heading, fields

    def clean(self) -> dict[str, Any]:
        """Turn amounts and units into what a heartbeat has."""
        given = super().clean()
        if given.get("interval") is None and "interval" not in self.errors:
            if given.get("cron"):
                given |= {"interval": 1, "interval_unit": Unit.DAYS}
            else:
                self.add_error("interval", "Say how often, or give a cron schedule.")
        self.span("interval", "interval_unit", LONGEST_PERIOD)
        grace = self.span("grace", "grace_unit", LONGEST_PERIOD)
        if grace is not None:
            given["grace"] = grace
        given.pop("grace_unit", None)
        old = self.beat.interval_unit if self.beat else ""
        if given.get("interval_unit") == old.lower():
            given["interval_unit"] = old  # as whoever made it spells it
        return given


def _initial(beat: Heartbeat) -> dict[str, Any]:
    names = (
        "description", "tags", "interval", "cron", "time_zone", "alert_message",
        "alert_priority", "alert_tags", "repeat_minutes", "enabled",
        "mirror_team",
    )  # fmt: skip
    unit, amount = next(
        (unit, beat.grace // size)
        for unit in (Unit.DAYS, Unit.HOURS, Unit.MINUTES)
        if not beat.grace % (size := period_of(1, unit)) or unit == Unit.MINUTES
    )
    return {
        **{name: getattr(beat, name) for name in names},
        "component": beat.component.slug if beat.component else None,
        "mirror": beat.mirror.uuid if beat.mirror else None,
        "interval_unit": beat.interval_unit.lower(),
        "grace": amount,
        "grace_unit": unit if amount else Unit.MINUTES,
    }


class NewHeartbeatForm(HeartbeatForm):
    """A new heartbeat: its team and name, and what may change later."""

    team = forms.CharField(
        max_length=KEY_LENGTH,
        help_text="As programs write it in the address. A new word makes a new team.",
        widget=forms.TextInput(
            attrs={"list": "teams", "spellcheck": "false", "autocomplete": "off"}
        ),
    )
    name = forms.CharField(
        max_length=NAME_LENGTH, help_text="Programs find it by its name, so it stays as it is."
    )

    def __init__(self, user: User, data: Any = None, *, team: str = "") -> None:
        self.user = user
        super().__init__(data)
        self.fields["team"].initial = team

    def clean_team(self) -> str:
        """Want a team that the person may use, and that fits into an address."""
        identifier = str(self.cleaned_data["team"])
        if "/" in identifier:
            raise forms.ValidationError("A team has no slash in it: it is a part of addresses.")
        team = Team.objects.filter(identifier=identifier).first()
        if not may_use(team, user=self.user, role=Role(self.user.role)):
            raise forms.ValidationError(f"You are not in the team {team}.")
        return identifier


class DuplicateForm(forms.Form):
    """The name of another heartbeat like this one."""

    name = forms.CharField(max_length=NAME_LENGTH, help_text=DUPLICATE_HELP)


class SnoozeForm(forms.Form):
    """How long nobody is told."""

    minutes = forms.IntegerField(
        label="Snooze",
        min_value=0,
        max_value=LONGEST_SNOOZE,
        help_text="Minutes in which nobody is told. 0: tell again from now on.",
    )


class ChannelForm(forms.Form):
    """A new channel."""

    kind = forms.ChoiceField(choices=Channel.Kind.choices)
    address = forms.CharField(
        max_length=2000,
        help_text="A web address to call, or an e-mail address.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    name = forms.CharField(max_length=100, required=False, help_text="For people.")

    def clean(self) -> dict[str, Any]:
        """Want an address of the kind."""
        given = super().clean() or {}
        check_address(self, given.get("kind", ""), given.get("address"))
        return given


class ChannelChangeForm(forms.Form):
    """What may change of a channel."""

    address = ChannelForm.base_fields["address"]
    name = ChannelForm.base_fields["name"]
    enabled = forms.BooleanField(
        label="Use it", required=False, help_text="One that is not used gets nothing."
    )

    def __init__(self, channel: Channel, data: Any = None) -> None:
        self.channel = channel
        names = ("address", "name", "enabled")
        super().__init__(data, initial={name: getattr(channel, name) for name in names})

    def clean(self) -> dict[str, Any]:
        """Want an address of the channel's kind."""
        given = super().clean() or {}
        check_address(self, self.channel.kind, given.get("address"))
        return given


def check_address(form: forms.Form, kind: str, address: str | None) -> None:
    """Add an error to FORM unless a channel of KIND can send to ADDRESS."""
    if not address:
        return
    if kind == Channel.Kind.EMAIL:
        try:
            validate_email(address)
        except forms.ValidationError:
            form.add_error("address", "This is no e-mail address.")
    elif not is_web_address(address):
        form.add_error("address", "Must be a web address that begins with https://.")
    elif address.startswith("http:") and not settings.PRIVATE_UPSTREAMS:
        form.add_error(
            "address",
            "Must begin with https://; an admin of this server allows others by "
            "PRIVATE_UPSTREAMS=1.",
        )


class WindowForm(CronForm):
    """A new maintenance window."""

    name = forms.CharField(max_length=100, required=False, help_text="Why, for people.")
    starts_at = UtcField(
        label="Begins (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Of one that comes again: none is before.",
    )
    duration = forms.IntegerField(label="Lasts", min_value=1, max_value=LARGEST, initial=60)
    duration_unit = forms.ChoiceField(label="Unit", choices=Unit.choices, initial=Unit.MINUTES)
    cron = forms.CharField(
        label="Again by a cron schedule",
        max_length=CRON_LENGTH,
        required=False,
        help_text=f"Left empty, it comes once. {CRON_HELP}",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    time_zone = forms.CharField(
        max_length=ZONE_LENGTH,
        required=False,
        initial="UTC",
        help_text="Of the cron schedule.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, now: datetime) -> None:
        self.now = now
        super().__init__(data, initial={"starts_at": now}, auto_id="window_%s")

    def clean_starts_at(self) -> datetime:
        """Want a time that calendars have."""
        begins: datetime = self.cleaned_data["starts_at"]
        if not EPOCH <= begins < LAST:
            raise forms.ValidationError("Must be between 1970 and 9000.")
        return begins

    def clean(self) -> dict[str, Any]:
        """Turn amount and unit into a duration, and want a window that is not over."""
        given = super().clean()
        duration = self.span("duration", "duration_unit", LONGEST_WINDOW)
        given.pop("duration_unit", None)
        if duration is None:
            return given
        given["duration"], begins = duration, given.get("starts_at")
        if begins and not given.get("cron") and begins + duration <= self.now:
            self.add_error("starts_at", "It would be over already.")
        return given


class TeamForm(forms.Form):
    """What may change of a team."""

    name = forms.CharField(
        max_length=100, required=False, help_text="For people. Left empty, the identifier is shown."
    )
    members = forms.ModelMultipleChoiceField(
        User.objects.order_by("username"),
        to_field_name="username",
        required=False,
        help_text="Only they, and admins, change its heartbeats. Nobody: everybody who may send.",
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )

    def __init__(self, user: User, data: Any = None, *, team: Team | None = None) -> None:
        self.user = user
        members = list(team.members.all()) if team else []
        super().__init__(data, initial={"name": team.name if team else "", "members": members})

    def clean_members(self) -> list[User]:
        """Keep people who are no admins from shutting themselves out."""
        members = list(self.cleaned_data["members"])
        if members and self.user not in members and self.user.role != Role.ADMIN:
            raise forms.ValidationError("You would not be in it: add yourself, or ask an admin.")
        return members


class NewTeamForm(TeamForm):
    """A new team."""

    identifier = forms.CharField(
        max_length=KEY_LENGTH,
        help_text="As programs write it in addresses. It stays as it is.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    field_order = ("identifier", "name", "members")

    def clean_identifier(self) -> str:
        """Want one that is free and fits into an address."""
        identifier = str(self.cleaned_data["identifier"])
        if "/" in identifier:
            raise forms.ValidationError("A team has no slash in it: it is a part of addresses.")
        if Team.objects.filter(identifier=identifier).exists():
            raise forms.ValidationError("There is a team of this identifier already.")
        return identifier
