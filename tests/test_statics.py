"""Our scripts and styles as they are sent mean what they mean as they are written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.house import ROOT, house

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

WRITTEN = ROOT / "static"
PATIENCE = 60  # seconds for a program
#: A template in a template, whose inside the shortener takes for code: it must not have spaces.
NESTED = re.compile(r"`[^`]*\$\{[^}`]*(`[^`]*`)")
#: The rules of a sheet in the browser's own words, but for spaces, which it keeps in var() values.
RULES = r"""text => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return [...sheet.cssRules].map(rule => rule.cssText.replace(/\s*([,()])\s*/g, "$1"));
}"""


@pytest.fixture(scope="module")
def sent() -> Iterator[Path]:
    with house() as place:
        place.collect()
        yield place.folder / "static"


def test_styles_say_the_same_after_they_were_shortened(chromium: Browser, sent: Path) -> None:
    sheets = [path for path in sorted(WRITTEN.glob("*.css")) if "@import" not in path.read_text()]
    assert len(sheets) > 10
    page = chromium.new_page()
    for path in sheets:
        written, shortened = path.read_text(), (sent / path.name).read_text()
        assert len(shortened) < len(written), path.name
        assert page.evaluate(RULES, shortened) == page.evaluate(RULES, written), path.name


def test_what_a_sheet_imports_is_in_it(sent: Path) -> None:
    pages = (sent / "pages.css").read_text()
    assert "@import" not in pages
    assert (sent / "app.css").read_text()[:200] in pages


def test_scripts_can_be_read_after_they_were_shortened(sent: Path) -> None:
    if not shutil.which("node"):
        reason = "node is missing: no script was read by it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    scripts = sorted(WRITTEN.glob("*.js"))
    assert len(scripts) > 10
    for path in scripts:
        shortened = sent / path.name
        assert shortened.stat().st_size < path.stat().st_size, path.name
        command = ["node", "--check", str(shortened)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr


def test_a_template_in_a_template_keeps_its_text(sent: Path) -> None:
    inner = [
        (path.name, text)
        for path in WRITTEN.glob("*.js")
        for text in NESTED.findall(path.read_text())
    ]
    for name, text in inner:
        assert text in (sent / name).read_text(), name
