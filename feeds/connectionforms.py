"""The forms of connections, one a dialect: what each upstream wants to know, and its rules.

Our own API checks what it is sent by the same forms.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.db.models import QuerySet

from feeds.dialects.outward import UPSTREAMS
from feeds.models import KEY_LENGTH, Connection

ADDRESS_LENGTH = 500  # characters
SECRET_LENGTH = 4000  # characters; tokens of Atlassian have about 200
FASTEST = 100_000  # requests a minute; who needs more needs no limit
OWN_NETWORK = "an admin of this server allows it by PRIVATE_UPSTREAMS=1"
KEPT = "Never shown again. Left empty, the one it has stays."
LEARNT = "May stay empty: it is found when the connection is tested."

_IN_A_HEADER = RegexValidator(
    re.compile(r"\A[\x21-\x7e]+\Z"), "Only letters, digits and signs of ASCII, without spaces."
)
_NO_COLON = RegexValidator(
    re.compile(r"\A[^:\x00-\x1f\x7f]*\Z"), "Must not contain a colon or control characters."
)


def address_fault(address: str) -> str:
    """Say what forbids ADDRESS, in a sentence for people; "" if nothing does.

    What a name leads to is checked when connecting, and each time anew.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        return f"This is no address: {error}."
    if not re.fullmatch(r"[\x21-\x7e]+", address):
        return "An address has no spaces, and only letters, digits and signs of ASCII."
    if parts.scheme not in {"http", "https"} or not host:
        return "Must be an address that begins with https://."
    if parts.scheme == "http" and not settings.PRIVATE_UPSTREAMS:
        return (
            f"Must begin with https://, so that nobody on the way reads the secret; {OWN_NETWORK}."
        )
    if parts.username is not None or parts.password is not None:
        return "Must not contain a user name or a password: they have fields of their own."
    if parts.query or parts.fragment or address.endswith(("?", "#")):
        return "Must end before the question mark or the number sign."
    if _is_private(host) and not settings.PRIVATE_UPSTREAMS:
        return f"{host} is not a public address; {OWN_NETWORK}."
    return ""


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False  # a name


class Address(forms.CharField):
    """The base URL of an upstream; without a scheme it is https."""

    def __init__(self, label: str, example: str, help_text: str = "") -> None:
        attributes = {"placeholder": example, "inputmode": "url", "spellcheck": "false"}
        super().__init__(
            label=label, max_length=ADDRESS_LENGTH, help_text=help_text,
            widget=forms.TextInput(attrs=attributes),
        )  # fmt: skip

    def clean(self, value: Any) -> str:
        """Return the address without a slash at its end."""
        text = str(super().clean(value) or "")
        whole = text if "://" in text else f"https://{text}"
        if fault := address_fault(whole):
            raise forms.ValidationError(fault)
        return whole.rstrip("/")


class Secret(forms.CharField):
    """What is sealed, and never shown again."""

    def __init__(self, label: str, **options: Any) -> None:
        attributes = {"autocomplete": "new-password", "spellcheck": "false"}
        widget = forms.PasswordInput(attrs=attributes)  # which never shows what it was given
        super().__init__(label=label, max_length=SECRET_LENGTH, widget=widget, **options)


class ConnectionForm(forms.Form):
    """What all connections have."""

    dialect: ClassVar[str]
    #: From the first to the last; each dialect has some of these.
    field_order = (
        "name", "base_url", "account", "company_key", "secret", "cloud_id", "per_minute", "pulls",
    )  # fmt: skip

    name = forms.CharField(max_length=100, help_text="For people: which site, whose account.")
    per_minute = forms.IntegerField(
        label="Requests a minute",
        required=False,
        min_value=0,
        max_value=FASTEST,
        help_text="0 is no limit; Compass allows 100. All connections of this account share it.",
    )

    def __init__(self, data: Any = None, *, connection: Connection | None = None) -> None:
        self.connection = connection
        super().__init__(data, initial=self._initial())
        if connection:
            self.fields["secret"].required = False
            self.fields["secret"].help_text = KEPT

    def _initial(self) -> dict[str, Any]:
        """Return what the form shows at first; the secret is never in it."""
        if self.connection is None:
            return {"per_minute": UPSTREAMS[self.dialect].RATE}
        names = ("name", "base_url", "account", "company_key", "cloud_id")
        return {
            **{name: getattr(self.connection, name) for name in names},
            "per_minute": self.connection.budget.per_minute,
            "pulls": self.connection.pull_at is not None,
        }

    def clean_name(self) -> str:
        """Want a name that no other connection has."""
        name = str(self.cleaned_data["name"])
        if self._others().filter(name=name).exists():
            raise forms.ValidationError("A connection with this name exists already.")
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse a second connection to the same account."""
        given = super().clean() or {}
        if not self.errors:
            keys = ("base_url", "account", "cloud_id", "company_key")
            same = {name: given.get(name, self._kept(name)) for name in keys}
            taken = self._others().filter(dialect=self.dialect, **same).first()
            if taken:
                self.add_error("base_url", f"“{taken}” is a connection to this account already.")
        return given

    def _kept(self, name: str) -> str:
        return getattr(self.connection, name) if self.connection else ""

    def _others(self) -> QuerySet[Connection]:
        rows = Connection.objects.all()
        return rows.exclude(pk=self.connection.pk) if self.connection else rows

    @property
    def values(self) -> dict[str, Any]:
        """Return what to make or change; what this dialect does not ask for stays as it is."""
        kept = {name: self._kept(name) for name in ("account", "company_key", "cloud_id")}
        return {**kept, **self.cleaned_data}


class CompassForm(ConnectionForm):
    """A site of Atlassian, and an account there."""

    dialect = "compass"
    base_url = Address("Site URL", "https://your-team.atlassian.net")
    account = forms.EmailField(
        label="E-mail", max_length=KEY_LENGTH, help_text="Of the Atlassian account that sends."
    )
    secret = Secret(
        "API token",
        validators=[_IN_A_HEADER],
        help_text="Made at id.atlassian.com, under Security. It is sealed, and never shown again.",
    )
    cloud_id = forms.CharField(
        label="cloudId", max_length=64, required=False, help_text=LEARNT, validators=[_IN_A_HEADER]
    )


class StreamsForm(ConnectionForm):
    """A server that takes third-party activities: Jira, Confluence, Bamboo."""

    dialect = "streams"
    base_url = Address(
        "Base URL", "https://jira.example.com", "With the context path, where it has one: …/jira."
    )
    account = forms.CharField(label="User name", max_length=KEY_LENGTH, validators=[_NO_COLON])
    secret = Secret(
        "Password or token", strip=False, help_text="It is sealed, and never shown again."
    )


class TeamHubForm(ConnectionForm):
    """A Helix TeamHub, with the keys of a bot."""

    dialect = "teamhub"
    base_url = Address("Host", "https://helixteamhub.cloud")
    company_key = forms.CharField(
        label="Company key", max_length=64, validators=[_IN_A_HEADER],
        help_text="On the page of the company, or of the bot.",
    )  # fmt: skip
    secret = Secret(
        "Account key",
        validators=[_IN_A_HEADER],
        help_text="Of a bot: only bots may send builds. It is sealed, and never shown again.",
    )
    pulls = forms.BooleanField(
        required=False,
        label="Read events from it",
        help_text="Its events show in the feed here, those that run with their progress.",
    )

    def clean(self) -> dict[str, Any]:
        """Refuse keys that no header can hold."""
        given = super().clean()
        for name in ("company_key", "secret"):
            if all(quote in given.get(name, "") for quote in "'\""):
                self.add_error(name, "Must not contain both sorts of quotes.")
        return given


class PulseboardForm(ConnectionForm):
    """Another installation of Pulseboard."""

    dialect = "pulseboard"
    base_url = Address("Base URL", "https://pulse.example.com")
    account = forms.CharField(
        label="E-mail or user name", max_length=KEY_LENGTH, required=False, validators=[_NO_COLON],
        help_text="Whose token it is. May stay empty: the token alone will do.",
    )  # fmt: skip
    secret = Secret(
        "Token",
        validators=[_IN_A_HEADER],
        help_text="One of its tokens, of a composer, a bot or an admin; a bot's may send builds. "
        "It is sealed, and never shown again.",
    )
    cloud_id = forms.CharField(
        label="Cloud id", max_length=64, required=False, help_text=LEARNT, validators=[_IN_A_HEADER]
    )


FORMS: dict[str, type[ConnectionForm]] = {
    form.dialect: form for form in (CompassForm, StreamsForm, TeamHubForm, PulseboardForm)
}
