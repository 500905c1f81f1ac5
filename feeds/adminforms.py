"""The forms of the pages on which admins keep the site, and whom it lets in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.html import format_html

from feeds.models import KEY_LENGTH, AuditEntry, Role, Site, User

LONGEST_RETENTION = 36_500  # days: dates of longer ago than a century overflow
HIGHEST_LIMIT = 1_000_000  # requests a minute


class SiteForm(forms.Form):
    """How the site is called, and which cloudId it takes."""

    name = forms.CharField(
        max_length=60, required=False, help_text="Stands in the bar of every page."
    )
    adopted_cloud_id = forms.CharField(label="Cloud id", max_length=64, required=False)

    def __init__(self, site: Site, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(site, name) for name in self.base_fields})
        own = settings.CLOUD_ID or site.cloud_id
        whence = "as CLOUD_ID in the environment says" if settings.CLOUD_ID else "made for it"
        self.fields["adopted_cloud_id"].help_text = format_html(
            "The one that your pipelines send already, if they come from Compass. Left empty, it "
            "is <code>{}</code>, {}.", own, whence,
        )  # fmt: skip


class RetentionForm(forms.Form):
    """How long things are kept."""

    retention_days = forms.IntegerField(
        label="Days to keep", min_value=1, max_value=LONGEST_RETENTION, required=False
    )
    sure = forms.BooleanField(
        label="Delete them", required=False, help_text="Wanted only where events would go."
    )

    def __init__(self, site: Site, data: Any = None) -> None:
        super().__init__(data, initial={"retention_days": site.retention_days})
        self.fields["retention_days"].help_text = (
            "What is older goes with the next sweep of the worker. Left empty, it is "
            f"{settings.RETENTION.days} days, as RETENTION_DAYS in the environment says."
        )


class LimitForm(forms.Form):
    """How often a user may write."""

    rate_limit = forms.IntegerField(
        label="Requests a user a minute", min_value=0, max_value=HIGHEST_LIMIT, required=False
    )

    def __init__(self, site: Site, data: Any = None) -> None:
        super().__init__(data, initial={"rate_limit": site.rate_limit})
        usual = settings.RATE_LIMIT or "no limit"
        self.fields["rate_limit"].help_text = (
            "Who writes more often gets 429 and is told when to come back. 0 is no limit. Left "
            f"empty, it is {usual}, as RATE_LIMIT in the environment says."
        )


class UserForm(forms.Form):
    """A person or a program; EXISTING is whom it changes, None for somebody new."""

    username = forms.CharField(
        label="User name", max_length=150, validators=[UnicodeUsernameValidator()]
    )
    name = forms.CharField(max_length=KEY_LENGTH, required=False)
    email = forms.EmailField(label="E-mail", max_length=254, required=False)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.COMPOSER)

    def __init__(self, existing: User | None, data: Any = None) -> None:
        initial = {name: getattr(existing, name) for name in self.base_fields} if existing else None
        super().__init__(data, initial=initial)
        self.existing = existing
        if existing:
            del self.fields["username"]

    def clean_username(self) -> str:
        """Want a name that nobody has, in any case."""
        username = str(self.cleaned_data["username"])
        if User.objects.named(username):
            raise forms.ValidationError(f"Somebody is called {username!r} already.")
        return username

    def clean_email(self) -> str:
        """Want an address that nobody else has, in any case."""
        email = str(self.cleaned_data["email"])
        other = User.objects.filter(email__iexact=email) if email else User.objects.none()
        if other.exclude(pk=self.existing.pk if self.existing else 0).exists():
            raise forms.ValidationError("Somebody has this address already.")
        return email


class NewUserForm(UserForm):
    """Somebody new, and how they come in."""

    entrance = forms.ChoiceField(
        label="How they come in",
        choices=[
            ("link", "By a link, with which they set a password"),
            ("password", "With the password below, which you tell them"),
            ("tokens", "By tokens only: a program"),
        ],
    )
    password = forms.CharField(
        required=False, strip=False, widget=forms.PasswordInput(render_value=False),
        help_text="Only for the second way.",
    )  # fmt: skip

    def __init__(self, data: Any = None) -> None:
        super().__init__(None, data)

    def clean(self) -> dict[str, Any]:
        """Want a good password where one is to be told, and none elsewhere."""
        given = super().clean() or {}
        if given.get("entrance") != "password":
            given["password"] = None
            return given
        try:
            validate_password(given.get("password") or "")
        except forms.ValidationError as error:
            self.add_error("password", error)
        return given


class AuditFilterForm(forms.Form):
    """What to look for in the audit log."""

    q = forms.CharField(label="Name", required=False, max_length=KEY_LENGTH)
    kind = forms.ChoiceField(
        label="What", required=False, choices=[("", "Everything"), *AuditEntry.Kind.choices]
    )
    verb = forms.ChoiceField(
        label="Was", required=False, choices=[("", "in any way"), *AuditEntry.Verb.choices]
    )
    since = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    before = forms.IntegerField(required=False, widget=forms.HiddenInput, max_value=2**63 - 1)
