"""What the resolvers of one request share."""

from dataclasses import dataclass

from feeds.actions import Sender
from feeds.api.auth import Caller
from feeds.limits import Allowance


@dataclass
class Context:
    """Who asks, and how the request went so far."""

    caller: Caller | None  # None: a stranger, where strangers may read
    allowance: Allowance | None = None  # of the last event
    done: bool = False  # whether a mutation changed anything

    @property
    def sender(self) -> Sender:
        assert self.caller is not None  # a stranger's mutations are refused before
        return self.caller.sender
