"""A dialect is pure: it imports the standard library and its neighbours, and nothing else."""

import ast
import sys
from pathlib import Path

import pytest

from feeds import dialects

MODULES = sorted(Path(dialects.__path__[0]).rglob("*.py"))
IO = {"os", "io", "socket", "subprocess", "pathlib", "urllib.request", "http", "time", "random"}


def imported(source: str) -> list[str]:
    """List the modules that SOURCE imports."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append("." * node.level + (node.module or ""))
    return found


def allowed(module: str) -> bool:
    """Tell whether a dialect may import MODULE."""
    if module == "feeds.dialects" or module.startswith("feeds.dialects."):
        return True
    return module.partition(".")[0] in sys.stdlib_module_names and module not in IO


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_dialect_imports_only_the_standard_library_and_dialects(path: Path) -> None:
    assert [module for module in imported(path.read_text()) if not allowed(module)] == []


@pytest.mark.parametrize(
    "line", ["import django", "from feeds.models import Activity", "from . import x", "import os"]
)
def test_the_rule_would_notice(line: str) -> None:
    assert not all(map(allowed, imported(line)))
