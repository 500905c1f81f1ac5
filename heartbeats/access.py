"""Whose heartbeats are whose: a team with members is theirs, one without is everybody's."""

from __future__ import annotations

from django.db.models import Q

from feeds.models import Role, User
from heartbeats.models import Team


def may_use(team: Team | None, *, user: User, role: Role) -> bool:
    """Tell whether USER, who comes as ROLE, is no stranger to TEAM; None is a team of nobody."""
    if team is None or role == Role.ADMIN:
        return True
    return Team.objects.filter(open_to(user, role), pk=team.pk).exists()


def open_to(user: User, role: Role) -> Q:
    """Return what finds the teams whose heartbeats USER may see, and change if ROLE may write."""
    if role == Role.ADMIN:
        return Q()
    own = Team.members.through.objects.filter(user_id=user.pk).values("team_id")
    taken = Team.members.through.objects.values("team_id")
    return Q(pk__in=own) | ~Q(pk__in=taken)
