"""Our scripts and styles as they are sent: without the comments and the indentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

#: What a program does not read. Lines stay lines, so nothing is taken for another; and a comment
#: with a quote in it stays, because it may be the end of a string.
NEEDLESS = {
    ".js": [
        (re.compile(r"^\s*/\*.*?\*/\s*$", re.MULTILINE | re.DOTALL), ""),
        (re.compile(r"^\s*//.*$", re.MULTILINE), ""),
        (re.compile(r"""\s// [^\n"'`]*$""", re.MULTILINE), ""),
        (re.compile(r"\s*\n\s*"), "\n"),
    ],
    ".css": [
        (re.compile(r"/\*.*?\*/", re.DOTALL), ""),
        (re.compile(r"\s*\n\s*"), "\n"),
        (re.compile(r"(?<=[\w;]) ?([{}]) ?"), r"\1"),
        (re.compile(r"(?<=[\w)-])([:;,]) (?=[^\"'])"), r"\1"),
        (re.compile(r";?\n?}\n?"), "}"),
    ],
}
IMPORT = re.compile(r'^@import "(?P<name>[\w-]+\.css)" ?(?P<media>\w*);\n', re.MULTILINE)
AS_THEY_ARE = "graphiql.js"  # what it shows spans lines


def joined(name: str, paths: dict[str, Any]) -> str:
    """Return the file NAME of PATHS as it is written, with the styles that it imports in it."""
    storage, path = paths[name]
    with storage.open(path) as file:
        text: str = file.read().decode()

    def written(found: re.Match[str]) -> str:
        style = joined(found["name"], paths)
        return f"@media {found['media']} {{\n{style}}}\n" if found["media"] else style

    return IMPORT.sub(written, text)


def shortened(text: str, suffix: str) -> str:
    """Return TEXT, a script or a style by its SUFFIX, without what only people read."""
    for needless, instead in NEEDLESS[suffix]:
        text = needless.sub(instead, text)
    return text.strip()


class Statics(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """The collected files: ours shortened, all named by their content, and compressed."""

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        """Shorten what was collected of ours, then name it by its content and compress it."""
        for name in [] if dry_run else paths:
            suffix = name[name.rfind(".") :]
            if "/" in name or name == AS_THEY_ARE or suffix not in NEEDLESS:
                continue
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(shortened(joined(name, paths), suffix))
        collected = {name: (self, name) for name in paths}
        yield from super().post_process(collected, dry_run, **options)
