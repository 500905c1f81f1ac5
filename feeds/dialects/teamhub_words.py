"""What TeamHub's events say in words: it sends none, so their titles are made here."""

from __future__ import annotations

from typing import Any

from feeds.dialects.mapping import INTEGER, TITLE_LENGTH, Document

#: What a title says of a build, by its state.
BUILT = {
    "running": "is building",
    "succeeded": "built",
    "failed": "failed to build",
    "unknown": "finished building",
}
NAMED_BY_REF = ("branch", "tag", "bookmark")
MEMBERS = {"project_user": "user", "project_collaborator": "collaborator"}


def id_of(value: Any) -> str:
    """Return the id that VALUE is or holds, or "" if it is no reference."""
    held = value.get("id") if isinstance(value, dict) else value
    return held if isinstance(held, str) else ""


def title_of(objects: Document, columns: Document, state: str) -> str:
    """Say in words what happened to OBJECTS, and to a build in STATE; plain text."""
    target, did, actor = columns["object_type"], columns["verb"], columns["actor_name"]
    ref, project = objects.get("ref"), id_of(objects.get("project"))
    member = id_of(objects.get(MEMBERS.get(target, "")) or objects.get("user"))
    if target == "push":
        place = id_of(objects.get("repository")) or columns["source_id"]
        words = ["pushed", _commits(objects.get("commit_count")), "to", place, ref]
    elif target == "build":
        name = objects.get("name")
        words = [BUILT[state], id_of(objects.get("repository"))]
        words += [name] if isinstance(name, str) else []
    elif target in NAMED_BY_REF and ref:
        words = [did, target, ref]
    elif target in MEMBERS and member and did in ("added", "created"):
        role = objects.get("role")
        words = ["added", member]
        words += ["as", role] if isinstance(role, str) and role else []
        words += ["to", project] if project else []
    else:
        words = [did, target.replace("_", " ")]
    title = " ".join(filter(None, [actor, *words]))
    return (title if actor else title[:1].upper() + title[1:])[:TITLE_LENGTH]


def _commits(count: Any) -> str:
    """Count the commits of a push; the list may be shorter than it, so it never counts."""
    if count is None:
        return ""
    number = INTEGER.read(count)
    return "1 commit" if number == 1 else f"{number} commits"
