"""Our scripts and styles as they are sent: without the comments and the indentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rcssmin import cssmin
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

SHORTENED = {".js": jsmin, ".css": cssmin}
IMPORT = re.compile(r'^@import "(?P<name>[\w-]+\.css)" ?(?P<media>\w*);\n', re.MULTILINE)


def joined(name: str, paths: dict[str, Any]) -> str:
    """Return the file NAME of PATHS as it is written, with the styles that it imports in it."""
    storage, path = paths[name]
    with storage.open(path) as file:
        text: str = file.read().decode()

    def written(found: re.Match[str]) -> str:
        style = joined(found["name"], paths)
        return f"@media {found['media']} {{\n{style}}}\n" if found["media"] else style

    return IMPORT.sub(written, text)


class Statics(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """The collected files: ours shortened, all named by their content, and compressed."""

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        """Shorten what was collected of ours, then name it by its content and compress it."""
        for name in [] if dry_run else paths:
            suffix = name[name.rfind(".") :]
            if "/" in name or suffix not in SHORTENED:
                continue
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(SHORTENED[suffix](joined(name, paths)))
        collected = {name: (self, name) for name in paths}
        yield from super().post_process(collected, dry_run, **options)
