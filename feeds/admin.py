"""Django's admin: for what the pages do not offer, people above all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property

from feeds import actions
from feeds.models import (
    Activity,
    ApiToken,
    Attachment,
    Component,
    EventSource,
    Refusal,
    Role,
    User,
)

LISTED_AT_MOST = 10_000  # rows of a long table

if TYPE_CHECKING:  # Django's own classes take no parameters when they run
    Admin = admin.ModelAdmin[Model]
    Inline = admin.TabularInline[Attachment, Component]
    CreationForm = AdminUserCreationForm[User]
    ChangeForm = UserChangeForm[User]
    UsersAdmin = UserAdmin[User]
    Pages = Paginator[Any]
else:
    Admin, Inline, Pages = admin.ModelAdmin, admin.TabularInline, Paginator
    CreationForm, ChangeForm, UsersAdmin = AdminUserCreationForm, UserChangeForm, UserAdmin


class NewUserForm(CreationForm):
    """A user with a password, or without one for a bot."""

    class Meta:
        model = User
        fields = ("username",)


class ChangedUserForm(ChangeForm):
    """A user; the password stands there as a hash, with a link to set another."""

    class Meta:
        model = User
        fields = "__all__"


admin.site.unregister(Group)  # roles say who may do what


@admin.register(User)
class PeopleAdmin(UsersAdmin):
    """People and programs."""

    form = ChangedUserForm
    add_form = NewUserForm
    list_display = ("username", "email", "name", "role", "is_active")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email", "name")
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "email", "name", "role", "is_active")}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "email", "name", "role")},
        ),
        ("Password", {"fields": ("usable_password", "password1", "password2")}),
    )

    def save_model(
        self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """Save, and let a weaker role take its tokens with it."""
        super().save_model(request, obj, form, change)
        if change and "role" in form.changed_data:
            actions.set_role(obj, Role(obj.role))


class ReadOnly(Admin):
    """Rows to look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(ApiToken)
class TokenAdmin(ReadOnly):
    """Tokens, without their secrets; revoke them on the page of tokens."""

    list_display = ("prefix", "name", "user", "role", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    exclude = ("digest",)


class AttachmentInline(Inline):
    """The sources of a component."""

    model = Attachment
    extra = 0
    autocomplete_fields = ("source",)


@admin.register(Component)
class ComponentAdmin(Admin):
    """Components with their sources."""

    list_display = ("name", "slug", "type", "owner_team")
    search_fields = ("name", "slug")
    inlines = (AttachmentInline,)


@admin.register(EventSource)
class SourceAdmin(Admin):
    """Sources; only the name may change, and the pages make new ones."""

    list_display = ("external_id", "kind", "name")
    list_filter = ("kind",)
    search_fields = ("external_id", "name")

    readonly_fields = ("external_id", "kind", "repository")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the page of the source tells first how many events go with it."""
        return False


class NewestRows(Pages):
    """Pages of the first LISTED_AT_MOST rows: there may be millions, and counting them is slow."""

    @cached_property
    def count(self) -> int:
        """Count no further than the last row that is listed."""
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:LISTED_AT_MOST].count())


@admin.register(Activity)
class ActivityAdmin(ReadOnly):
    """Events, the newest LISTED_AT_MOST of them."""

    paginator = NewestRows

    list_display = ("occurred_at", "kind", "state", "title", "source")
    list_select_related = ("source",)
    list_filter = ("kind", "state")
    show_full_result_count = False


@admin.register(Refusal)
class RefusalAdmin(ReadOnly):
    """Bodies that changed nothing."""

    list_display = ("received_at", "outcome", "status", "reason", "source", "user")
    list_select_related = ("source", "user")
    list_filter = ("outcome", "status")
    show_full_result_count = False
