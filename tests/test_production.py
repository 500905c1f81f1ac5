"""What production serves: granian, the production settings, collected static files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from tests.house import BIN, ROOT, House, house, wait_for
from tests.test_races import Site

pytestmark = pytest.mark.xdist_group("served")
EVENTS = "/gateway/api/compass/v1/events"
PATIENCE = 15  # seconds
LIMIT = 256 * 1024  # bytes of one event


@pytest.fixture(scope="module")
def site(served: House) -> Site:
    return Site.of(served)


@pytest.fixture(scope="module")
def bot(site: Site) -> str:
    return site.bot()


@pytest.fixture(scope="module")
def login(served: House) -> Iterator[requests.Response]:
    with requests.get(f"{served.url}/sign-in/", timeout=PATIENCE) as response:
        yield response


def static_names(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/static/[^"#]+)[#"]', page)


def test_the_page_names_its_static_files_by_their_hashes(login: requests.Response) -> None:
    names = static_names(login.text)
    assert any(name.endswith(".css") for name in names)
    assert any(name.endswith(".js") for name in names)
    for name in names:
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", name), name


def test_static_files_come_compressed_and_for_ever(served: House, login: requests.Response) -> None:
    for name in static_names(login.text):
        plain = requests.get(
            served.url + name, headers={"Accept-Encoding": "identity"}, timeout=PATIENCE
        )
        assert plain.status_code == 200
        assert "immutable" in plain.headers["Cache-Control"]
        age = re.search(r"max-age=(\d+)", plain.headers["Cache-Control"])
        assert age
        assert int(age[1]) >= 365 * 24 * 3600
        packed = requests.get(
            served.url + name, headers={"Accept-Encoding": "gzip"}, timeout=PATIENCE
        )
        assert packed.content == plain.content
        if len(plain.content) > 1000 and not name.endswith((".png", ".woff2")):
            assert packed.headers.get("Content-Encoding") == "gzip", name
            assert packed.headers["Vary"] == "Accept-Encoding"


def test_no_page_is_cached_for_ever_and_debug_is_off(served: House) -> None:
    page = requests.get(f"{served.url}/sign-in/", timeout=PATIENCE)
    assert "immutable" not in page.headers.get("Cache-Control", "")
    lost = requests.get(f"{served.url}/no-such-page/", timeout=PATIENCE)
    assert lost.status_code == 404
    assert "DEBUG" not in lost.text
    assert "urlpatterns" not in lost.text.lower()
    wrong = requests.get(served.url, headers={"Host": "evil.example.com"}, timeout=PATIENCE)
    assert wrong.status_code == 400


@pytest.mark.parametrize("path", ["/sign-in/", "/no-such-page/", "/admin/login/"])
def test_pages_allow_no_inline_script_or_style_and_no_foreign_host(
    served: House, path: str
) -> None:
    response = requests.get(served.url + path, timeout=PATIENCE)
    policy = {
        part.strip().partition(" ")[0]: part.strip().partition(" ")[2]
        for part in response.headers["Content-Security-Policy"].split(";")
    }
    assert "unsafe" not in str(policy)
    assert "http" not in str(policy)
    assert "*" not in str(policy)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"


def test_security_headers(login: requests.Response) -> None:
    assert login.headers["X-Frame-Options"] == "DENY"
    assert login.headers["X-Content-Type-Options"] == "nosniff"
    assert login.headers["Referrer-Policy"] == "same-origin"
    assert login.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "SameSite=Lax" in login.headers["Set-Cookie"]


# ---- bodies, as clients really send them


def wire(
    site: Site, login: str, path: str, body: bytes, *, chunk: int, pause: float = 0
) -> requests.Response:
    """Send BODY as it would be on the wire, in chunks of CHUNK bytes, PAUSE seconds apart."""
    user, _, token = login.partition(":")
    prepared = requests.Request("POST", site.house.url + path, auth=(user, token)).prepare()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), chunk):
            yield body[start : start + chunk]
            if pause:
                time.sleep(pause)

    return requests.post(
        site.house.url + path,
        data=pieces(),
        headers={
            "Content-Type": "application/json",
            "Authorization": str(prepared.headers["Authorization"]),
        },
        timeout=PATIENCE,
    )


def test_a_chunked_event_is_taken_whole(site: Site, bot: str) -> None:
    source = site.source()
    body = json.dumps(site.event(source, description="é" * 50_000), ensure_ascii=False).encode()
    response = wire(site, bot, EVENTS, body, chunk=7001)
    assert (response.status_code, response.headers.get("X-Pulseboard-Outcome")) == (202, "created")
    (activity,) = site.activities(source)
    assert activity["raw"] == body.decode()


def test_a_chunked_event_that_comes_slowly_is_taken_whole(site: Site, bot: str) -> None:
    source = site.source()
    body = json.dumps(site.event(source, description="x" * 5000)).encode()
    assert wire(site, bot, EVENTS, body, chunk=1000, pause=0.05).status_code == 202
    assert site.activities(source)[0]["raw"] == body.decode()


def test_a_chunked_body_over_the_limit_is_413(site: Site, bot: str) -> None:
    body = json.dumps(site.event(site.source(), description="x" * LIMIT)).encode()
    response = wire(site, bot, EVENTS, body, chunk=8192)
    assert response.status_code == 413
    assert response.json()["errors"][0]["type"] == "PAYLOAD_TOO_LARGE"


def test_a_chunked_bulk_request_is_taken_whole(site: Site, bot: str) -> None:
    source = site.source()
    events = [site.event(source, id=str(n), description="x" * 900) for n in range(200)]
    response = wire(site, bot, "/api/v1/events", json.dumps(events).encode(), chunk=10_000)
    assert response.status_code == 200, response.text
    assert response.json()["created"] == 200


def test_a_chunked_request_to_the_rest_of_our_api_is_read(site: Site) -> None:
    name = f"chunked/{uuid.uuid4().hex[:8]}"
    body = json.dumps({"external_id": name, "kind": "custom"}).encode()
    response = wire(site, site.admin, "/api/v1/sources", body, chunk=10)
    assert response.status_code == 201, response.text


def test_an_event_whose_bytes_come_one_by_one_is_taken(site: Site, bot: str) -> None:
    source = site.source()
    body = json.dumps(site.event(source)).encode()
    answer = dribble(site, bot, head=f"Content-Length: {len(body)}", body=body, step=100)
    assert answer.startswith(b"HTTP/1.1 202")
    assert site.activities(source)[0]["raw"] == body.decode()


def test_a_broken_chunk_is_an_error_and_no_event(site: Site, bot: str) -> None:
    source = site.source()
    body = b"5\r\nhello\r\nnot-a-number\r\n" + json.dumps(site.event(source)).encode()
    answer = dribble(site, bot, head="Transfer-Encoding: chunked", body=body)
    assert answer[:12] in (b"HTTP/1.1 400", b"")  # an error, or the connection is closed
    assert site.activities(source) == []


def dribble(site: Site, login: str, *, head: str, body: bytes, step: int = 0) -> bytes:
    """Send a request by hand, its body STEP bytes at a time, and return the first of the answer."""
    user, _, token = login.partition(":")
    ready = requests.Request("POST", site.house.url, auth=(user, token)).prepare()
    lines = [
        f"POST {EVENTS} HTTP/1.1", "Host: 127.0.0.1", "Connection: close",
        "Content-Type: application/json", f"Authorization: {ready.headers['Authorization']}", head,
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", site.house.port), timeout=PATIENCE) as link:
        link.sendall("\r\n".join([*lines, "", ""]).encode())
        for start in range(0, len(body), step or len(body)):
            link.sendall(body[start : start + (step or len(body))])
            time.sleep(0.02)
        link.shutdown(socket.SHUT_WR) if not step else None
        try:
            return link.recv(65536)
        except ConnectionResetError:
            return b""


def peak_memory(place: House) -> int:
    """Return the most memory that a process of PLACE has held, in bytes."""
    peaks = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"DATA_DIR={place.env['DATA_DIR']}".encode() in environ.read_bytes().split(b"\0"):
                status = (environ.parent / "status").read_text()
                if match := re.search(r"VmHWM:\s+(\d+) kB", status):
                    peaks.append(int(match[1]) * 1024)
    return max(peaks)


@pytest.mark.parametrize("framing", ["Content-Length: 200000000", "Transfer-Encoding: chunked"])
def test_200_mb_are_413_and_are_never_held_in_memory(site: Site, bot: str, framing: str) -> None:
    user, _, token = bot.partition(":")
    ready = requests.Request("POST", site.house.url, auth=(user, token)).prepare()
    chunked = framing.endswith("chunked")
    head = "\r\n".join([
        f"POST {EVENTS} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
        f"Authorization: {ready.headers['Authorization']}", framing, "", "",
    ])  # fmt: skip
    piece = b"x" * 1_000_000
    before = peak_memory(site.house)
    with socket.create_connection(("127.0.0.1", site.house.port), timeout=PATIENCE) as link:
        link.sendall(head.encode())
        with contextlib.suppress(ConnectionError, TimeoutError):
            link.settimeout(1)  # an answer that comes early stops the reading
            for _ in range(200):
                link.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                link.sendall(b"0\r\n\r\n")
        link.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            assert link.recv(65536).startswith(b"HTTP/1.1 413")
    assert peak_memory(site.house) - before < 50_000_000
    assert requests.get(f"{site.house.url}/healthz", timeout=PATIENCE).status_code == 200


# ---- the image


def command_of_the_image() -> list[str]:
    (command,) = re.findall(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return [str(word) for word in json.loads(command)]


def commands_of_compose() -> list[list[str]]:
    text = (ROOT / "docker-compose.yml").read_text()
    found = re.findall(r"^\s+command: (\[.*\])$", text, re.MULTILINE)
    return [json.loads(command) for command in found]


def options_of(command: list[str]) -> dict[str, str]:
    """Return the options of COMMAND; a switch is its own value."""
    words = command[1:]
    return {
        word: word if after.startswith("-") else after
        for word, after in pairwise([*words, "-"])
        if word.startswith("--")
    }


def test_the_image_serves_as_the_tests_do(served: House) -> None:
    image = command_of_the_image()
    ours = next(c for c in commands_of(served) if c[1].endswith("/granian") and "--port" in c)
    assert image[-1] == ours[-1] == "feeds.wsgi:application"
    assert image[0] == Path(ours[1]).name
    depends = {"--host", "--port", "--workers", "--blocking-threads", "--log-level"}
    for one, other in ((image, ours), (ours[1:], image)):
        same = {name: word for name, word in options_of(one).items() if name not in depends}
        assert same.items() <= options_of(other).items()


def test_the_command_of_the_image_serves(tmp_path: Path) -> None:
    with house(os.environ.get("DATABASE_URL", ""), STATIC_ROOT=str(tmp_path)) as place:
        place.migrate()
        place.manage("collectstatic", "--no-input", "--verbosity", "0")
        command = command_of_the_image()
        command[0] = str(BIN / command[0])
        command[command.index("--host") + 1] = "127.0.0.1"
        command[command.index("--port") + 1] = str(place.port)
        with subprocess.Popen(command, cwd=ROOT, env=place.env) as server:
            try:
                wait_for(f"{place.url}/healthz")
                page = requests.get(f"{place.url}/sign-in/", timeout=PATIENCE)
                assert page.status_code == 200
                sheet = next(name for name in static_names(page.text) if name.endswith(".css"))
                assert requests.get(place.url + sheet, timeout=PATIENCE).status_code == 200
                assert requests.get(f"{place.url}/readyz", timeout=PATIENCE).status_code == 200
            finally:
                server.terminate()
                server.wait(PATIENCE)


def test_the_worker_and_the_beat_of_the_image_work() -> None:
    celery = [command for command in commands_of_compose() if command[0] == "celery"]
    worker = next(command for command in celery if "worker" in command)
    beat = next(command for command in celery if "beat" in command)
    with house(os.environ.get("DATABASE_URL", "")) as place:
        place.migrate()
        place.manage("demo")
        schedule = place.folder / "beat-schedule"
        beat[beat.index("--schedule") + 1] = str(schedule)
        place.manage("shell", "--verbosity", "0", "-c", EXPIRE_ALL_AND_PRUNE)
        with ExitStack() as stack:
            for command in (worker, beat):
                process = stack.enter_context(
                    subprocess.Popen([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=place.env)
                )
                stack.callback(process.wait, PATIENCE)
                stack.callback(process.terminate)
            end = time.monotonic() + 2 * PATIENCE
            left = "from feeds.models import Activity; print(Activity.objects.count())"
            while place.manage("shell", "--verbosity", "0", "-c", left) != "0":
                assert time.monotonic() < end, "the worker does nothing"
            while not list(schedule.parent.glob("beat-schedule*")):
                assert time.monotonic() < end, "the beat keeps no schedule"
                time.sleep(0.1)
            assert process.poll() is None
            with place.served():
                while (told := requests.get(f"{place.url}/readyz", timeout=PATIENCE).json()) != {
                    "ready": True, "database": "ok", "broker": "ok", "worker": "ok", "beat": "ok",
                }:  # fmt: skip
                    assert time.monotonic() < end, told
                    time.sleep(0.1)


EXPIRE_ALL_AND_PRUNE = """
from datetime import UTC, datetime
from feeds.models import Activity
from feeds.tasks import prune
long_ago = datetime(2001, 1, 1, tzinfo=UTC)
Activity.objects.update(occurred_at=long_ago, received_at=long_ago)
prune.delay()
"""


def commands_of(place: House) -> list[list[str]]:
    """Return the command lines of the processes of PLACE."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"DATA_DIR={place.env['DATA_DIR']}".encode() in environ.read_bytes().split(b"\0"):
                words = (environ.parent / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                found.append([word.decode() for word in words])
    return found


def test_the_suite_serves_with_the_settings_of_production(served: House) -> None:
    assert served.env["DJANGO_SETTINGS_MODULE"] == "feeds.settings"
    assert not os.environ.get("DEBUG")
