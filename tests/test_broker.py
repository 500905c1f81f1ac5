"""The broker that is a folder: what one process puts there, another takes whole."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from kombu import Connection

from feeds import broker

MESSAGES = 400
LENGTH = 200_000  # bytes: a message whose writing takes a while


def _connection(folder: Path) -> Connection:
    broker.install()
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(folder / "control"),
    }
    return Connection("filesystem://", transport_options=options)


def _send(folder: Path) -> None:
    with _connection(folder) as connection, connection.SimpleQueue("race") as queue:
        for number in range(MESSAGES):
            queue.put({"number": number, "filling": "x" * LENGTH})


def test_a_message_is_taken_whole_while_others_are_written(tmp_path: Path) -> None:
    sender = multiprocessing.get_context("spawn").Process(target=_send, args=[tmp_path])
    sender.start()
    found = []
    with _connection(tmp_path) as connection, connection.SimpleQueue("race") as queue:
        while len(found) < MESSAGES:
            message = queue.get(timeout=30)
            assert len(message.payload["filling"]) == LENGTH
            found.append(message.payload["number"])
            message.ack()
    sender.join(30)
    assert sorted(found) == list(range(MESSAGES))
    assert sender.exitcode == 0
    assert list(tmp_path.glob(".*.part")) == []
