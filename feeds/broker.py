"""The broker of `make run`: messages are files of a folder, and each is there whole or not at all.

kombu opens a message under the name by which readers find it, and writes it afterwards. A worker
that comes between the two takes an empty message, which ends it.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Shows a message once it is written."""

    # the types of its two parents differ
    def _put(self, queue: str, payload: Any, **options: Any) -> None:  # type: ignore[override]
        # readers take what ends in the name of their queue, in the order of the names
        name = f"{time.monotonic_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        part = folder / f".{name}.part"
        part.write_bytes(dumps(payload).encode())
        os.replace(part, folder / name)


class Transport(filesystem.Transport):
    """kombu's own, with such channels."""

    Channel = Channel


def install() -> None:
    """Let every `filesystem://` be ours."""
    TRANSPORT_ALIASES["filesystem"] = "feeds.broker:Transport"
