"""The forms of the pages: what is asked, in which words, and what is wrong with an answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from feeds.dialects.mapping import key
from feeds.dialects.registry import WEBHOOKS
from feeds.filters import FilterError, view_query
from feeds.models import (
    KEY_LENGTH,
    PREFERENCES,
    ZONE_LENGTH,
    Component,
    Density,
    EventKind,
    EventSource,
    Role,
    Theme,
    Times,
    User,
    check_zone,
)


class SignInForm(AuthenticationForm):
    """A user name or an e-mail, and a password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name or e-mail"
        self.error_messages["invalid_login"] = (
            "That name and password do not go together. Mind capital letters in the password; "
            "an admin can set a new one."
        )

    def clean(self) -> dict[str, Any]:
        """Check the password, with wrong guesses counted by user name even if an e-mail came."""
        user = User.objects.by_login(self.cleaned_data.get("username", ""))
        if user is not None:
            self.cleaned_data["username"] = user.username
        return super().clean()


class PasswordForm(PasswordChangeForm):
    """The old password and a new one; no field takes the focus, for it is one form of a page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)


class PreferencesForm(forms.Form):
    """How a person wants to read: a field for each of PREFERENCES."""

    theme = forms.ChoiceField(choices=Theme.choices)
    density = forms.ChoiceField(label="Density of the feed", choices=Density.choices)
    time_zone = forms.CharField(
        max_length=ZONE_LENGTH,
        validators=[check_zone],
        help_text="In which the pages write times. Addresses, the API and fields to fill in stay "
        "with UTC.",
        widget=forms.TextInput(
            attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    times = forms.ChoiceField(label="Times are written as", choices=Times.choices)
    collapse = forms.BooleanField(
        required=False,
        label="Collapse repeats",
        help_text="Three or more events in a row of one type, component and actor, within ten "
        "minutes, become one row that opens.",
    )
    shortcuts = forms.BooleanField(
        required=False,
        label="Shortcuts of a single letter",
        help_text="Such as j, k and /; the key ? lists them. Page Up and Page Down work without.",
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(user, name) for name in PREFERENCES})


class LinksField(forms.CharField):
    """Links of a component, one a line: a name and a web address."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        """Write stored links as lines."""
        if not isinstance(value, list):
            return value
        return "\n".join(f"{link.get('name', '')} {link.get('url', '')}".strip() for link in value)

    def clean(self, value: Any) -> list[dict[str, str]]:
        """Read lines into links; the address is the last word of a line."""
        links = []
        for line in filter(None, map(str.strip, super().clean(value).splitlines())):
            name, _, url = line.rpartition(" ")
            if not is_web_address(url):
                raise forms.ValidationError(
                    f"“{line}” must end in a web address that begins with https:// or http://."
                )
            links.append({"name": name.strip() or urlsplit(url).netloc, "url": url})
        return links


def is_web_address(text: str) -> bool:
    """Tell whether TEXT is an http or https address with a host."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


class ComponentForm(forms.Form):
    """What a component is."""

    name = forms.CharField(max_length=100)
    slug = forms.SlugField(
        max_length=64,
        required=False,
        help_text="The short name in addresses and filters. Left empty, it comes from the name.",
    )
    type = forms.ChoiceField(choices=Component.Type.choices, initial=Component.Type.SERVICE)
    owner_team = forms.CharField(label="Owner team", max_length=100, required=False)
    description = forms.CharField(
        max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    links = LinksField(
        required=False,
        help_text="One a line: a name, a space, a web address. Runbook https://wiki.example.com/x",
    )


class SourceForm(forms.Form):
    """A new source of events."""

    external_id = forms.CharField(
        label="External id",
        max_length=KEY_LENGTH,
        help_text="What senders write as externalEventSourceId. It cannot be changed later.",
    )
    kind = forms.ChoiceField(
        choices=EventKind.choices,
        help_text="A source sends events of one kind. It cannot be changed later.",
    )
    name = forms.CharField(
        max_length=KEY_LENGTH, required=False, help_text="For people. May stay empty."
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a source that exists."""
        given = super().clean() or {}
        taken = EventSource.objects.filter(
            external_id=key(given.get("external_id", "")), kind=given.get("kind", "")
        )
        if taken.exists():
            self.add_error("external_id", "A source with this external id and kind exists already.")
        return given


class SourceNameForm(forms.Form):
    """The only thing of a source that may change."""

    name = forms.CharField(
        max_length=KEY_LENGTH,
        required=False,
        help_text="For people. Left empty, the external id is shown.",
    )


class Menu(forms.Select):
    """A select whose options are written at once: a template for each takes longer than a page."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Write it."""
        widget = self.get_context(name, value, attrs)["widget"]
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            (
                (one["value"], mark_safe(" selected" if one["selected"] else ""), one["label"])
                for _, group, _ in widget["optgroups"]
                for one in group
            ),
        )
        attributes = flatatt({**widget["attrs"], "name": name})
        return format_html("<select{}>{}</select>", attributes, options)


class AttachForm(forms.Form):
    """A source to show on a component."""

    source = forms.ModelChoiceField(
        EventSource.objects.none(),
        widget=Menu,
        to_field_name="uuid",
        empty_label="Choose a source…",
        error_messages={"invalid_choice": "That source is gone, or attached already."},
    )

    def __init__(self, component: Component, data: Any = None) -> None:
        super().__init__(data)
        free = EventSource.objects.exclude(attachments__component=component)
        field = self.fields["source"]
        field.queryset = free  # type: ignore[attr-defined]
        field.label_from_instance = _source_label  # type: ignore[attr-defined]


def _source_label(source: EventSource) -> str:
    named = f"{source.name}: " if source.name else ""
    return f"{named}{source.external_id} ({source.get_kind_display().lower()})"


class AttachToForm(forms.Form):
    """A component to show a source on."""

    component = forms.ModelChoiceField(
        Component.objects.none(),
        widget=Menu,
        to_field_name="slug",
        empty_label="Choose a component…",
        error_messages={"invalid_choice": "That component is gone, or shows it already."},
    )

    def __init__(self, source: EventSource, data: Any = None) -> None:
        super().__init__(data)
        free = Component.objects.exclude(attachments__source=source)
        self.fields["component"].queryset = free  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    """A new token of a person, at most as strong as the person."""

    name = forms.CharField(
        max_length=100, help_text="What will use it, so that you know which to revoke."
    )
    role = forms.ChoiceField()

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        weaker = Role(user.role).up_to
        field = self.fields["role"]
        field.choices = [(role.value, role.label) for role in weaker]  # type: ignore[attr-defined]
        field.initial = Role.COMPOSER if Role.COMPOSER in weaker else Role.VIEWER


class WebhookForm(forms.Form):
    """A new webhook."""

    name = forms.CharField(max_length=100, help_text="What it brings: the organisation, the group.")
    dialect = forms.ChoiceField(
        label="Code host", choices=[(name, dialect.NAME) for name, dialect in WEBHOOKS.items()]
    )
    component = forms.ModelChoiceField(
        Component.objects.all(),
        to_field_name="slug",
        required=False,
        empty_label="None",
        help_text="Where all that it brings shows. For one repository; leave it out for many.",
    )


class ViewForm(forms.Form):
    """A name for the parameters of a feed."""

    name = forms.CharField(max_length=100)
    query = forms.CharField(
        max_length=4000,
        required=False,
        label="Shows",
        help_text="The filters, as they stand in the address of the feed. Empty is everything.",
    )
    shared = forms.BooleanField(
        required=False, label="Share it", help_text="Everybody sees it; only you change it."
    )
    starred = forms.BooleanField(
        required=False, label="Star it", help_text="It stands in the bar over the feed, for you."
    )
    is_default = forms.BooleanField(
        required=False,
        label="Make it the default",
        help_text="The bare address of the site opens with it, for you; one view does.",
    )

    @property
    def fields_of_view(self) -> dict[str, Any]:
        """Return what everybody sees of it."""
        return {name: self.cleaned_data[name] for name in ("name", "query", "shared")}

    @property
    def marks(self) -> dict[str, bool]:
        """Return what its reader wants of it, for themselves alone."""
        given = self.cleaned_data
        return {"starred": given["starred"], "default": given["is_default"]}

    def clean_query(self) -> str:
        """Want what the feed can read."""
        try:
            return view_query(self.cleaned_data["query"])
        except FilterError as error:
            raise forms.ValidationError(f"{error}.") from None
