"""Django's admin: the rows as they stand. It changes none, for it would leave no trace in the audit
log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property

from feeds.models import (
    Activity,
    ApiToken,
    Attachment,
    AuditEntry,
    Component,
    EventSource,
    Refusal,
    User,
)

LISTED_AT_MOST = 10_000  # rows of a long table

if TYPE_CHECKING:  # Django's own classes take no parameters when they run
    Admin = admin.ModelAdmin[Model]
    Inline = admin.TabularInline[Attachment, Component]
    Pages = Paginator[Any]
else:
    Admin, Inline, Pages = admin.ModelAdmin, admin.TabularInline, Paginator


admin.site.unregister(Group)  # roles say who may do what


class ReadOnly(Admin):
    """Rows to look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(User)
class PeopleAdmin(ReadOnly):
    """People and programs."""

    list_display = ("username", "email", "name", "role", "is_active")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email", "name")
    ordering = ("username",)
    exclude = ("password",)


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
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(Component)
class ComponentAdmin(ReadOnly):
    """Components with their sources."""

    list_display = ("name", "slug", "type", "owner_team")
    search_fields = ("name", "slug")
    inlines = (AttachmentInline,)


@admin.register(EventSource)
class SourceAdmin(ReadOnly):
    """Sources."""

    list_display = ("external_id", "kind", "name")
    list_filter = ("kind",)
    search_fields = ("external_id", "name")


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


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly):
    """Who changed what."""

    paginator = NewestRows

    list_display = ("at", "who", "verb", "kind", "subject", "address")
    list_filter = ("kind", "verb")
    show_full_result_count = False
