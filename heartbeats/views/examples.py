"""How to ping a heartbeat, to copy: from a shell, a crontab, programs and pipelines."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from django.conf import settings
from django.urls import reverse

from heartbeats.models import Heartbeat

TIMEOUT = 10  # seconds; a ping must not keep a job from ending
VARIABLE = "PULSEBOARD_SECRET"


@dataclass(frozen=True)
class Example:
    """One way to ping."""

    key: str
    title: str
    text: str
    hint: str = ""


def ping_url(beat: Heartbeat) -> str:
    """Return the secret address that pings BEAT."""
    return settings.SITE_URL + reverse("heartbeat-ping", args=[beat.ping_key])


def examples(beat: Heartbeat) -> list[Example]:
    """Write every way to ping BEAT; all but the last hold its secret address."""
    url = ping_url(beat)
    curl = f"curl -fsS -m {TIMEOUT} --retry 3"
    return [
        Example(
            "curl", "curl", f"{curl} {url}",
            "At the end of a job. /start before it measures how long it runs, /fail says that it "
            "failed, /0 to /255 is its exit status.",
        ),
        Example("crontab", "crontab", _crontab(beat, url, curl), "The exit status tells the rest."),
        Example("python", "Python", _python(url)),
        Example("powershell", "PowerShell", _powershell(url)),
        Example(
            "actions", "GitHub Actions", _actions(curl),
            "With the ping address as the secret PULSEBOARD_PING of the repository.",
        ),
        Example("compass", "The API of Compass", _compass(beat), _compass_hint()),
    ]  # fmt: skip


def _crontab(beat: Heartbeat, url: str, curl: str) -> str:
    when = beat.cron or _cron(beat)
    zone = f"CRON_TZ={beat.time_zone}\n" if beat.cron else ""
    # a percent sign would end the command of a crontab; there is none in it
    silent = f"{curl} -o /dev/null"  # cron mails what is printed
    return f"{zone}{when} {silent} {url}/start; /path/to/job; {silent} {url}/$?"


def _cron(beat: Heartbeat) -> str:
    """Return a crontab's times for the interval of BEAT: as near as it comes, and never rarer."""
    minutes = beat.period // timedelta(minutes=1)
    if minutes < 60:
        return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    hours = minutes // 60
    if hours < 24:
        return f"0 */{hours} * * *" if hours > 1 else "0 * * * *"
    return "0 2 * * *"


def _python(url: str) -> str:
    return f'import requests\n\nrequests.get("{url}", timeout={TIMEOUT})'


def _powershell(url: str) -> str:
    return f'Invoke-RestMethod -Uri "{url}" -TimeoutSec {TIMEOUT} -MaximumRetryCount 3'


def _actions(curl: str) -> str:
    address = "${{ secrets.PULSEBOARD_PING }}"
    return (
        "- name: Say that the job lives\n"
        "  if: always()\n"
        "  env:\n"
        f"    PING: {address}\n"
        "    STATUS: ${{ job.status == 'success' && '0' || '1' }}\n"
        f'  run: {curl} "$PING/$STATUS"'
    )


def _compass(beat: Heartbeat) -> str:
    path = f"/v1/teams/{quote(beat.team.identifier, safe='')}/heartbeats/ping"
    address = f"{settings.SITE_URL}{path}?{urlencode({'name': beat.name}, quote_via=quote)}"
    return (
        f'curl -fsS -m {TIMEOUT} -X POST -u "you@example.com:${VARIABLE}" \\\n'
        f"  {shlex.quote(address)}"
    )


def _compass_hint() -> str:
    return (
        "With your e-mail and an API token; existing clients need only another host name. "
        "/jsm/ops/api/{cloudId} and /compass/cloud/{cloudId}/ops may stand in front."
    )
