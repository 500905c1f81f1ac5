"""An hour of believable life for six components, as Compass documents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from feeds.dialects.mapping import write_time

COMPONENTS = {
    "checkout": ("Checkout", "Payments", "Takes the order and the money."),
    "payments-api": ("Payments API", "Payments", "Talks to the card networks."),
    "catalog": ("Catalog", "Storefront", "What we sell, and what it costs."),
    "search": ("Search", "Storefront", "Finds it."),
    "web": ("Web shop", "Storefront", "What the customer sees."),
    "warehouse": ("Warehouse", "Logistics", "Where it is, and when it leaves."),
}
#: What each needs to work; actions.add_dependency().
NEEDS = {
    "web": ("checkout", "search", "catalog"),
    "checkout": ("payments-api", "catalog", "warehouse"),
    "search": ("catalog",),
}
PEOPLE = {
    "maria": "Maria Lopez",
    "jonas": "Jonas Weber",
    "aiko": "Aiko Tanaka",
    "priya": "Priya Nair",
    "sam": "Sam Okafor",
    "ci-bot": "CI bot",
}
CHANGES = (
    "Retry the card network on a timeout",
    "Cache the price list for a minute",
    "Show the delivery date in the basket",
    "Drop the old address form",
    "Speed up the stock query",
    "Round totals once, at the end",
    "Log the order id with every error",
    "Update the currency table",
    "Fix the sort order of results",
    "Read the feature flags at start",
)
BRANCHES = ("main", "main", "main", "release/9.4", "fix/basket-total")
ENVIRONMENTS = (("STAGING", "Staging", "stg"), ("PRODUCTION", "Production", "prod"))


@dataclass(frozen=True)
class Event:
    """One event: who sends it, about which component, and its wire form."""

    sender: str
    component: str
    kind: str  # the wire name
    body: dict[str, Any]


class Hour:
    """The hour before NOW; the same SEED tells the same story."""

    def __init__(self, now: datetime, seed: int = 7) -> None:
        self._now = now.replace(microsecond=0)
        self._random = random.Random(seed)
        self._mark = f"{self._now:%Y%m%d%H%M}"  # keeps the ids of two demos apart
        self._number = 2300

    def events(self) -> Iterator[Event]:
        """Yield everything that happened, in no order."""
        for index, component in enumerate(COMPONENTS):
            for minute in range(58 - index, 4, -14):
                yield from self._change(component, minute)
        yield from self._story()
        yield from self._running()
        yield from self._quiet_life()

    def _change(self, component: str, minute: float) -> Iterator[Event]:
        """A push, its build, and for most builds a deployment to staging."""
        author = self._random.choice([name for name in PEOPLE if name != "ci-bot"])
        title = self._random.choice(CHANGES)
        branch = self._random.choice(BRANCHES)
        sha = f"{self._random.getrandbits(160):040x}"
        yield self._push(author, component, minute, title=title, sha=sha, branch=branch)
        works = self._random.random() < 0.85
        state = "SUCCESSFUL" if works else self._random.choice(["FAILED", "TIMED_OUT"])
        build, number = self._build(
            component, minute - 1, minute - 3.5, state=state, branch=branch, sha=sha
        )
        yield build
        if works and branch == "main":
            yield self._deployment(
                "ci-bot", component, minute - 4, number=number, environment=ENVIRONMENTS[0], sha=sha
            )

    def _story(self) -> Iterator[Event]:
        """One change, from its push to the incident that it caused, and the way back."""
        component, title = "payments-api", "Retry the card network on a timeout"
        asked, merged = (f"{self._random.getrandbits(160):040x}" for _ in range(2))
        name = str(int(self._now.timestamp()) // 60 % 900 + 100)
        push = self._push("jonas", component, 41, title=title, sha=asked, branch="fix/card-retry")
        push.body["url"] += f"/pull/{name}/commits/{asked}"
        yield push
        for minute, status in ((40, "CREATED"), (37, "IN_REVIEW"), (34, "MERGED")):
            yield self._pull_request("jonas", component, minute, number=name, status=status)
        title = f"Merge pull request #{name} from shop/fix/card-retry"
        yield self._push("jonas", component, 33.9, title=title, sha=merged, branch="main")
        build, number = self._build(
            component, 33, 30, state="SUCCESSFUL", branch="main", sha=merged
        )
        yield build
        yield self._deployment(
            "maria", component, 26, number=number, environment=ENVIRONMENTS[1], sha=merged
        )
        yield self._event(
            "ci-bot", "checkout", "alert", 17, "Checkout answers slower than 2 s",
            {"alertProperties": {"id": f"slow-{self._mark}", "status": "OPENED",
                                 "priority": "P2", "createdAt": self._time(17)}},
            description="It waits for the Payments API.",
        )  # fmt: skip
        yield self._event(
            "ci-bot", component, "alert", 21, "Card errors above 5 % for 5 minutes",
            {"alertProperties": {"id": f"card-errors-{self._mark}", "status": "ACKNOWLEDGED",
                                 "priority": "P1", "createdAt": self._time(21),
                                 "acknowledgedAt": self._time(19)}},
            description="1,204 of 21,380 authorisations failed.",
        )  # fmt: skip
        yield self._event(
            "aiko", component, "incident", 6, "Customers cannot pay by card",
            {"incidentProperties": {"id": f"INC-{name}", "state": "RESOLVED",
                                    "startTime": self._time(20), "endTime": self._time(6),
                                    "severity": {"label": "SEV-1", "level": "ONE"}}},
            description=f"Began after the deployment of build {number}; retries piled up.",
        )  # fmt: skip
        yield self._event(
            "aiko", component, "flag", 15, "card-retry",
            {"flagProperties": {"id": f"card-retry-{self._mark}", "status": "off"}},
        )  # fmt: skip
        yield self._deployment(
            "maria", component, 11, number=number, environment=ENVIRONMENTS[1], sha=merged,
            state="ROLLED_BACK", began=27, why=f" Rolled back for INC-{name}.",
        )  # fmt: skip

    def _running(self) -> Iterator[Event]:
        """Builds and a deployment that have not ended."""
        for component, minute in (("web", 3), ("search", 1.5)):
            sha = f"{self._random.getrandbits(160):040x}"
            build, _ = self._build(
                component, minute, None, state="IN_PROGRESS", branch="main", sha=sha
            )
            yield build
        yield self._deployment(
            "priya", "catalog", 0.7, number=self._number, environment=ENVIRONMENTS[1],
            sha=f"{self._random.getrandbits(160):040x}", state="IN_PROGRESS",
        )  # fmt: skip

    def _quiet_life(self) -> Iterator[Event]:
        """The kinds that come once in a while."""
        yield self._event(
            "priya", "search", "lifecycle", 47, "Search v2",
            {"lifecycleProperties": {"id": f"search-v2-{self._mark}", "stage": "PRE_RELEASE"}},
        )  # fmt: skip
        yield self._event(
            "sam", "warehouse", "custom", 31, "Stock count started in Rotterdam",
            {"customEventProperties": {"id": f"count-{self._mark}", "icon": "CHECKPOINT"}},
        )  # fmt: skip
        yield self._event(
            "ci-bot", "web", "vulnerability", 24, "Prototype pollution in a build dependency",
            {"vulnerabilityProperties": {
                "id": f"VULN-77-{self._mark}", "state": "OPEN", "score": 7.4,
                "severity": {"level": "HIGH"}, "vulnerabilityStartTime": self._time(24)}},
        )  # fmt: skip
        for minute in (9, 8, 7, 5):
            yield self._event(
                "ci-bot", "catalog", "alert", minute, "Price cache slower than 200 ms",
                {"alertProperties": {"id": f"cache-{minute}-{self._mark}", "status": "OPENED",
                                     "priority": "P4", "createdAt": self._time(minute)}},
            )  # fmt: skip

    def _time(self, minutes_ago: float) -> str:
        return write_time(self._now - timedelta(minutes=minutes_ago))

    def _event(
        self,
        sender: str,
        component: str,
        kind: str,
        minute: float,
        title: str,
        properties: dict[str, Any],
        description: str = "",
    ) -> Event:
        body = {
            "displayName": title,
            "description": description,
            "url": f"https://git.example.com/shop/{component}",
            "lastUpdated": self._time(minute),
            "updateSequenceNumber": int((self._now.timestamp() - minute * 60) * 1000),
            "externalEventSourceId": f"shop/{component}",
            **properties,
        }
        return Event(sender, component, kind, body)

    def _push(
        self, sender: str, component: str, minute: float, *, title: str, sha: str, branch: str
    ) -> Event:
        author = {"name": PEOPLE[sender], "email": f"{sender}@example.com"}
        properties = {"id": sha, "branchName": branch, "author": author}
        return self._event(
            sender, component, "push", minute, title, {"pushEventProperties": properties}
        )

    def _build(
        self, component: str, start: float, end: float | None, *, state: str, branch: str, sha: str
    ) -> tuple[Event, int]:
        self._number += 1
        pipeline = {
            "pipelineId": f"{component}-{self._number}-{self._mark}",
            "displayName": f"{component} on {branch}",
            "url": f"https://ci.example.com/{component}/{self._number}",
        }
        properties: dict[str, Any] = {
            "state": state,
            "startedAt": self._time(start),
            "completedAt": None if end is None else self._time(end),
            "pipeline": pipeline,
        }
        title = f"{component} #{self._number}"
        moment = start if end is None else end
        event = self._event(
            "ci-bot", component, "build", moment, title, {"buildProperties": properties},
            description=f"Commit {sha[:12]}",
        )  # fmt: skip
        event.body["url"] = pipeline["url"]
        return event, self._number

    def _deployment(
        self,
        sender: str,
        component: str,
        minute: float,
        *,
        number: int,
        environment: tuple[str, str, str],
        sha: str,
        state: str = "SUCCESSFUL",
        began: float | None = None,
        why: str = "",
    ) -> Event:
        category, name, identity = environment
        properties = {
            "sequenceNumber": number,
            "state": state,
            "pipeline": {
                "pipelineId": f"deploy-{component}-{self._mark}",
                "url": f"https://ci.example.com/{component}/deploy",
                "displayName": f"deploy {component}",
            },
            "environment": {
                "category": category, "displayName": name, "environmentId": identity,
            },
            "startedAt": self._time(began or minute + 1),
        }  # fmt: skip
        return self._event(
            sender, component, "deployment", minute, f"{component} 2.{number - 2260}.0",
            {"deploymentProperties": properties}, description=f"Commit {sha[:12]}.{why}",
        )  # fmt: skip

    def _pull_request(
        self, sender: str, component: str, minute: float, *, number: str, status: str
    ) -> Event:
        repository = f"https://git.example.com/shop/{component}"
        body = {
            "lastUpdated": self._time(minute),
            "pullRequestProperties": {
                "id": f"{number}-{self._mark}",
                "repoUrl": repository,
                "pullRequestUrl": f"{repository}/pull/{number}",
                "status": status,
            },
        }
        return Event(sender, component, "pullRequest", body)
