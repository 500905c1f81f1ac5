"""Who acts, and from where: what the audit log says of each change.

It goes beside the arguments, in a context variable, for it is the same of every write of a request,
and a write that forgot to pass it on would leave an entry without a name. Rules never read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from axes.helpers import get_client_ip_address
from django.http import HttpRequest, HttpResponse

from feeds.models import User


@dataclass
class Origin:
    """Where a change comes from."""

    user: User | None = None
    token_id: int | None = None
    request: HttpRequest | None = None

    @property
    def author(self) -> User | None:
        """Who acts: whose token or password came, else who is signed in."""
        if self.user is not None or self.request is None:
            return self.user
        signed_in = getattr(self.request, "user", None)
        return signed_in if isinstance(signed_in, User) else None

    @property
    def address(self) -> str:
        """The IP address that the request came from, "" without one."""
        return (get_client_ip_address(self.request) or "") if self.request else ""


_NOWHERE = Origin()  # a command, or a worker
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


def current() -> Origin:
    """Return where what happens now comes from."""
    return _origin.get()


def acts(user: User, token_id: int | None) -> None:
    """Note that USER sent the request at hand, with the token TOKEN_ID if not with a password."""
    origin = _origin.get()
    if origin is not _NOWHERE:
        origin.user, origin.token_id = user, token_id


@contextmanager
def from_request(request: HttpRequest) -> Iterator[None]:
    """Let what happens within come from REQUEST."""
    mark = _origin.set(Origin(request=request))
    try:
        yield
    finally:
        _origin.reset(mark)


def middleware(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Let what a request changes come from it."""

    def answer_from_request(request: HttpRequest) -> HttpResponse:
        with from_request(request):
            return answer(request)

    return answer_from_request
