"""What every test may ask for: people, their credentials, and a Pulseboard that runs."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from feeds import actions, estimates, mentions
from feeds.api import auth
from feeds.models import Role, User
from tests.events import compass_event
from tests.house import House, house

#: Files that take half a minute or more, and most of it wait; so do all that open a browser.
LONG = {
    "test_health.py", "test_live.py", "test_live_changes.py", "test_live_programs.py",
    "test_mirrors.py", "test_monitor.py", "test_one_port.py", "test_processes.py",
    "test_production.py", "test_pull_processes.py", "test_races.py", "test_readme.py",
    "test_run.py",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, or one of them would be left alone at the end."""
    items.sort(key=lambda item: (_takes(item.path.name), item.path))


def _takes(file: str) -> int:
    if file == "test_processes.py":
        return 0  # longest
    return 1 if file in LONG or file.startswith("test_browser") else 2


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Forget what a process keeps of a database, for each test has one of its own."""
    actions.forget_site()
    auth._callers.clear()
    mentions._known_at.cache_clear()
    estimates.forget()


@dataclass
class Caller:
    """A user of the API, with the token that it sends."""

    user: User
    secret: str
    client: Client = field(default_factory=Client)

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user.email}:{self.secret}".encode()).decode()

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query, headers={"authorization": self.basic})

    def post(
        self, path: str, body: Any, content_type: str = "application/json", **headers: str
    ) -> Any:
        return self._send("post", path, body, content_type, headers)

    def patch(self, path: str, body: Any) -> Any:
        return self._send("patch", path, body, "application/json", {})

    def delete(self, path: str) -> Any:
        return self.client.delete(path, headers={"authorization": self.basic})

    def _send(
        self, method: str, path: str, body: Any, content_type: str, headers: dict[str, str]
    ) -> Any:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        headers = {"authorization": self.basic, **headers}
        return getattr(self.client, method)(path, data, content_type=content_type, headers=headers)

    def send(self, document: Any) -> Any:
        return self.post("/gateway/api/compass/v1/events", document)

    def event(self, kind: str = "custom", **fields: Any) -> Any:
        """Send an event of KIND to this site, changed by FIELDS."""
        return self.send(compass_event(kind, **fields))


@pytest.fixture
def caller(db: None) -> Callable[[str], Caller]:
    """Make a caller by role: caller("bot")."""

    def make(role: str, name: str = "") -> Caller:
        name = name or role
        user = actions.ensure_user(name, role=Role(role))
        User.objects.filter(pk=user.pk).update(email=f"{name}@example.com")
        user.refresh_from_db()
        return Caller(user, actions.create_token(user, role=Role(role)))

    return make


@pytest.fixture
def bot(caller: Callable[[str], Caller]) -> Caller:
    return caller("bot")


@pytest.fixture
def admin(caller: Callable[[str], Caller]) -> Caller:
    return caller("admin")


@pytest.fixture
def viewer(caller: Callable[[str], Caller]) -> Caller:
    return caller("viewer")


@pytest.fixture(scope="session")
def served() -> Iterator[House]:
    """A running Pulseboard with collected files and the demo, shared by the tests that only read
    it or that bring users and sources of their own."""
    environment = {name: os.environ[name] for name in ("REDIS_URL",) if os.environ.get(name)}
    with house(os.environ.get("DATABASE_URL", ""), RATE_LIMIT="100", **environment) as place:
        place.bootstrap()
        with place.served(workers=2):
            yield place
