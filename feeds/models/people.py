"""Who may come in: users, their roles and tokens, and how much they asked of late."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Lower

from feeds.models.lengths import KEY_LENGTH
from feeds.models.preferences import KNOWN_PREFERENCES, Preferences


class Role(models.TextChoices):
    """What a person or a program may do; the order is the order of power."""

    VIEWER = "viewer", "Viewer: reads"
    COMPOSER = "composer", "Composer: reads and sends events"
    BOT = "bot", "Bot: a program that sends events, also in the name of others"
    ADMIN = "admin", "Admin: manages sources, components and people too"

    @property
    def writes(self) -> bool:
        """Tell whether this role may send events."""
        return self is not Role.VIEWER

    @property
    def up_to(self) -> list[Role]:
        """The roles that can do no more than this one, itself included."""
        order = list(Role)
        return order[: order.index(self) + 1]

    @property
    def names_others(self) -> bool:
        """Tell whether this role may say that somebody else did something."""
        return self in {Role.BOT, Role.ADMIN}


class UserManager(BaseUserManager["User"]):
    """People and programs by name or e-mail."""

    def by_login(self, login: str) -> User | None:
        """Find who LOGIN names, a user name or an e-mail, in any case."""
        if "\x00" in login:
            return None
        column = "email" if "@" in login else "username"
        return self.filter(**{f"{column}__iexact": login}).first()

    def named(self, username: str) -> User | None:
        """Find the user USERNAME, in any case."""
        lower = Lower(Value(username, output_field=models.CharField()))
        return self.alias(lower=Lower("username")).filter(lower=lower).first()

    def get_by_natural_key(self, username: str | None) -> User:
        """Find who logs in as USERNAME, which may be an e-mail too."""
        user = self.by_login(username or "")
        if user is None:
            raise self.model.DoesNotExist
        return user


class User(Preferences, AbstractBaseUser):
    """A person or a program, with one role."""

    username = models.CharField(
        max_length=150, unique=True, validators=[UnicodeUsernameValidator()]
    )
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=KEY_LENGTH, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # counts up when the addresses for feed readers are replaced: feedtoken.py
    feed_epoch = models.PositiveIntegerField(default=0)
    # what "/" opens; a view that is shared no more counts as none
    default_view = models.ForeignKey(
        "SavedView", on_delete=models.SET_NULL, null=True, blank=True, related_name="default_of"
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"), condition=~Q(email=""), name="one_user_for_an_email"
            ),
            models.UniqueConstraint(Lower("username"), name="one_user_for_a_name_in_any_case"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_has_a_known_role"),
            KNOWN_PREFERENCES,
        ]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def is_staff(self) -> bool:
        """Tell whether this user may open Django's admin."""
        return self.role == Role.ADMIN

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Give admins every permission, and nobody else any."""
        return self.is_active and self.role == Role.ADMIN

    def has_module_perms(self, app_label: str) -> bool:
        """Give admins every app, and nobody else any."""
        return self.has_perm(app_label)


class ApiToken(models.Model):
    """A secret that stands for a user with a role; only its SHA-256 is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="token_has_a_known_role")
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"

    @staticmethod
    def new_secret() -> str:
        """Make the text of a new token."""
        return f"pb_{secrets.token_urlsafe(30)}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """Return what is stored for SECRET."""
        return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class RateWindow(models.Model):
    """How many requests a user has made in the running minute."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)
    started_at = models.DateTimeField()
    count = models.PositiveIntegerField()


class KeptAnswer(models.Model):
    """What was answered to a request with an Idempotency-Key, for those that repeat it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="kept_answers")
    key = models.CharField(max_length=KEY_LENGTH)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, path and body
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)  # prune()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_answer_for_a_user_and_key")
        ]

    def __str__(self) -> str:
        return f"{self.status} to {self.key}"


class SavedViews(models.QuerySet["SavedView"]):
    """Views, by who may see them."""

    def seen_by(self, user: User) -> Self:
        """Return USER's own, and those that others share, each with its owner.

        `starred` tells whether USER has a star on it, `is_default` whether "/" opens it for USER.
        """
        stars = Star.objects.filter(user_id=user.pk, view=OuterRef("pk"))
        opening = User.objects.filter(pk=user.pk, default_view=OuterRef("pk"))
        seen = self.select_related("user").filter(Q(user_id=user.pk) | Q(shared=True))
        return seen.annotate(starred=Exists(stars), is_default=Exists(opening))

    def starred_first(self) -> Self:
        """Order what seen_by() found: what its user has a star on, the default, the rest."""
        return self.order_by(F("starred").desc(), F("is_default").desc(), "name", "id")


class SavedView(models.Model):
    """A name for the query string of a feed."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="views")
    name = models.CharField(max_length=100)
    query = models.TextField(blank=True)  # the parameters of the feed page, "type=build&q=..."
    shared = models.BooleanField(default=False)  # everybody sees it; only its owner changes it
    created_at = models.DateTimeField(auto_now_add=True)
    starred: bool  # these two are seen_by()'s
    is_default: bool

    objects = SavedViews.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="one_view_for_a_user_and_name")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the feed that it names, opened from it."""
        return f"/?view={self.uuid}&{self.query}" if self.query else f"/?view={self.uuid}"


class Star(models.Model):
    """A user's mark on a view that should stand first for them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="stars", db_index=False)
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="stars")

    class Meta:
        constraints = [
            # seen_by() asks by both
            models.UniqueConstraint(fields=["user", "view"], name="one_star_of_a_user_on_a_view")
        ]

    def __str__(self) -> str:
        return f"{self.user} on {self.view}"
