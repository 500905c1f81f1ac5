"""The architecture, kept by a test: who imports whom, who writes, and what must be documented."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.house import ROOT

FEEDS = sorted(path for path in (ROOT / "feeds").rglob("*.py") if "migrations" not in path.parts)
HEARTBEATS = sorted(
    path for path in (ROOT / "heartbeats").rglob("*.py") if "migrations" not in path.parts
)
OURS = [*FEEDS, *sorted((ROOT / "heartbeats").rglob("*.py"))]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
LONGEST_FILE = 450  # lines
#: What each part may import of ours; a part not named here may import anything but `never`.
MAY_IMPORT = {
    "feeds.dialects": {"feeds.dialects"},
    "feeds.models": {"feeds.models"},
    "feeds.moments": set(),
    "feeds.ari": set(),
    "feeds.search": {"feeds.models"},
    "feeds.querybox": {"feeds.filters", "feeds.search"},
    "feeds.upsert": {"feeds.dialects", "feeds.models", "feeds.moments"},
    "feeds.http": {"feeds.dialects"},
    "feeds.tasks": {"feeds.actions", "feeds.outbox", "feeds.pulling", "feeds.celery"},
}
NEVER_IMPORTS = {
    "feeds.actions": {"feeds.views", "feeds.api", "feeds.forms", "feeds.tasks", "feeds.management"},
    "feeds.filters": {"feeds.views", "feeds.api", "feeds.actions"},
    "feeds.api": {"feeds.views", "feeds.management", "feeds.admin"},
    "feeds.views": {"feeds.api", "feeds.management", "feeds.admin"},
    "feeds.forms": {"feeds.views", "feeds.api", "feeds.actions"},
    "feeds.composing": {"feeds.views", "feeds.api", "feeds.actions"},
}
#: What heartbeats may import of feeds, part by part, the narrowest first.
HEARTBEATS_MAY_IMPORT = {
    "heartbeats.schedule": set(),
    "heartbeats.uptime": set(),
    "heartbeats.models": {"feeds.models"},
    "heartbeats.tasks": {"feeds.celery"},
    "heartbeats.actions": {
        "feeds.actions", "feeds.models", "feeds.vault", "feeds.limits", "feeds.upsert",
        "feeds.moments", "feeds.dialects", "feeds.outbox",
    },
    "heartbeats.notices": {"feeds.http", "feeds.vault", "feeds.moments"},
    "heartbeats.api": {
        "feeds.actions", "feeds.api.auth", "feeds.models", "feeds.limits", "feeds.dialects",
    },
    "heartbeats": {
        "feeds.actions", "feeds.models", "feeds.dialects", "feeds.forms", "feeds.views",
        "feeds.templatetags", "feeds.vocabulary", "feeds.filters", "feeds.metrics", "feeds.reader",
        "feeds.addresses",
    },
}  # fmt: skip
#: Settings that the Makefile and the Procfile read, beside those of feeds/settings.py.
OF_MAKE = {"PORT", "HOST", "DATA_DIR", "SITE_URL"}
WRITES = {
    "save", "delete", "create", "update", "get_or_create", "update_or_create", "bulk_create",
    "bulk_update",
}  # fmt: skip


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports_of(path: Path) -> Iterator[str]:
    """Yield every module that PATH imports, also where only type checkers look."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def rule_of(module: str, rules: dict[str, set[str]]) -> set[str] | None:
    return next((rules[name] for name in rules if inside(module, name)), None)


def by_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FEEDS, ids=by_name)
def test_modules_import_only_what_they_may(path: Path) -> None:
    module = name_of(path)
    ours = {name for name in imports_of(path) if inside(name, "feeds")}
    allowed, never = rule_of(module, MAY_IMPORT), rule_of(module, NEVER_IMPORTS)
    if allowed is not None:
        assert {name for name in ours if not any(inside(name, ok) for ok in allowed)} <= set()
    assert {name for name in ours if any(inside(name, no) for no in never or ())} == set()


@pytest.mark.parametrize("path", FEEDS, ids=by_name)
def test_feeds_never_imports_heartbeats(path: Path) -> None:
    if name_of(path) not in {"feeds.urls", "feeds.settings"}:
        assert not [name for name in imports_of(path) if inside(name, "heartbeats")]


@pytest.mark.parametrize("path", HEARTBEATS, ids=by_name)
def test_heartbeats_import_no_more_of_feeds_than_they_may(path: Path) -> None:
    allowed = rule_of(name_of(path), HEARTBEATS_MAY_IMPORT) or set()
    theirs = {name for name in imports_of(path) if inside(name, "feeds")}
    assert {name for name in theirs if not any(inside(name, ok) for ok in allowed)} == set()


def test_the_rules_of_heartbeats_know_nothing_of_who_asks() -> None:
    outer = ("views", "api", "pings", "forms", "tasks", "urls")
    for path in sorted((ROOT / "heartbeats/actions").glob("*.py")):
        asked = {name for name in imports_of(path) for one in outer
                 if inside(name, f"heartbeats.{one}")}  # fmt: skip
        assert not asked, by_name(path)


@pytest.mark.parametrize("path", OURS, ids=by_name)
def test_only_one_module_speaks_http(path: Path) -> None:
    speakers = {"requests", "urllib.request", "http.client", "httpx", "aiohttp", "urllib3"}
    spoken = {name for name in imports_of(path) for speaker in speakers if inside(name, speaker)}
    assert not spoken or name_of(path) == "feeds.http"


@pytest.mark.parametrize("path", sorted((ROOT / "feeds/dialects").rglob("*.py")), ids=by_name)
def test_dialects_need_only_the_standard_library(path: Path) -> None:
    for name in imports_of(path):
        assert inside(name, "feeds.dialects") or name.partition(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("folder", ["views", "api", "templatetags"])
def test_only_actions_write(folder: str) -> None:
    for path in sorted((ROOT / "feeds" / folder).rglob("*.py")):
        _check_writes_nothing(path)


@pytest.mark.parametrize("path", HEARTBEATS, ids=by_name)
def test_only_actions_write_heartbeats(path: Path) -> None:
    module = name_of(path)
    if not inside(module, "heartbeats.actions") and module != "heartbeats.notices":
        _check_writes_nothing(path)


def _check_writes_nothing(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in WRITES and not _is_harmless(node.func.value):
            pytest.fail(f"{by_name(path)}:{node.lineno} calls .{node.func.attr}()")


def _is_harmless(target: ast.expr) -> bool:
    """Tell whether TARGET.save() or .update() touches no row, or one that is Django's own affair.

    Django's own password form is the one way to change a password; dictionaries have update() too.
    """
    text = ast.unparse(target)
    return text == "form" or "context" in text or "headers" in text


def test_business_rules_never_read_the_request() -> None:
    rules = [ROOT / "feeds/actions", ROOT / "heartbeats/actions"]
    for path in sorted(path for folder in rules for path in folder.glob("*.py")):
        names = {node.id for node in ast.walk(tree_of(path)) if isinstance(node, ast.Name)}
        assert "request" not in names, by_name(path)


@pytest.mark.parametrize("path", OURS, ids=by_name)
def test_no_file_is_too_long_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def test_there_are_no_rooms_for_everything() -> None:
    rooms = {"utils", "util", "helpers", "helper", "services", "signals", "managers"}
    assert not [by_name(path) for path in OURS if path.stem in rooms or path.parent.name in rooms]


# ---- what must be documented


def documentation() -> str:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return "\n".join(page.read_text() for page in pages if page.exists())


def variables_of(path: Path) -> set[str]:
    """Return the environment variables that PATH reads, by any of its helpers."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            reads = ast.unparse(node.func)
            name = node.args[0].value
            if reads in {"os.environ.get", "os.getenv", "_flag", "_whole", "_list"}:
                found.add(str(name))
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            found.add(ast.literal_eval(node.slice))
    return found


def test_every_setting_is_documented() -> None:
    settings = variables_of(ROOT / "feeds/settings.py") | OF_MAKE
    assert len(settings) > 10
    text = (ROOT / "docs/settings.md").read_text()
    missing = {name for name in settings if not re.search(rf"`{name}\b", text)}
    assert missing == set()


def test_no_setting_is_documented_that_nothing_reads() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    rows = re.findall(r"^\|\s*`([A-Z][A-Z_]+)`", text, re.MULTILINE)
    files = ("feeds/settings.py", "Makefile", "Procfile", "Dockerfile", "docker-compose.yml")
    read = "".join((ROOT / name).read_text() for name in files if (ROOT / name).exists())
    assert {name for name in rows if name not in read} == set()


def test_only_the_settings_read_the_environment() -> None:
    for path in FEEDS:
        if name_of(path) not in {"feeds.settings", "feeds.wsgi", "feeds.asgi", "feeds.celery"}:
            assert variables_of(path) == set(), by_name(path)


def test_every_command_is_documented() -> None:
    commands = {path.stem for path in (ROOT / "feeds/management/commands").glob("[!_]*.py")}
    text = documentation()
    assert {name for name in commands if f"manage.py {name}" not in text} == set()


def test_every_make_target_is_documented() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    text = documentation()
    assert {name for name in phony[1].split() if f"make {name}" not in text} == set()


# ---- what may stand in files


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=by_name)
def test_lock_files_carry_hashes_and_no_address(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    entries = re.split(r"\n(?=[a-zA-Z])", text.strip())
    assert {entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry} == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=by_name)
def test_templates_obey_the_content_security_policy(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<[^>]*\sstyle\s*=", text), "inline style"
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", text), "inline handler"
    assert "<style" not in text
    assert "javascript:" not in text
    for script in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in script or 'type="application/json"' in script
    for address in re.findall(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="([^"]*)"', text):
        assert "//" not in address, "from another host"
