"""Every dialect by its name: where an activity's `dialect` leads to the module that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from feeds.dialects import compass, git, github, gitlab, native, streams, teamhub
from feeds.dialects.mapping import Document, Draft


class Dialect(Protocol):
    """What every dialect can; how it parses is its own affair, for some need to know more."""

    def render(self, columns: Mapping[str, Any]) -> Document: ...


class WebhookDialect(Dialect, Protocol):
    """What the address /hooks/{token}/ needs to know of those who call it."""

    @property
    def NAME(self) -> str: ...  # for people

    @property
    def STEPS(self) -> tuple[str, ...]: ...  # how to set the webhook up there

    @property
    def SIGNATURE(self) -> str: ...  # the header that verify() reads

    @property
    def EVENTS(self) -> frozenset[str]: ...  # those that parse() reads

    @property
    def PING(self) -> str: ...  # the event that only asks whether we are there; "" is none

    def verify(self, secret: str, headers: Mapping[str, str], body: bytes) -> bool: ...

    def event_name(self, headers: Mapping[str, str]) -> str: ...

    def delivery_id(self, headers: Mapping[str, str]) -> str: ...

    def parse(self, document: Any, *, now: datetime, event: str = "") -> Draft: ...


WEBHOOKS: dict[str, WebhookDialect] = {"github": github, "gitlab": gitlab}
DIALECTS: dict[str, Dialect] = {
    "compass": compass,
    "git": git,
    "native": native,
    "streams": streams,
    "teamhub": teamhub,
    **WEBHOOKS,
}
