"""Composing by hand, as a browser does it, for tests and benchmarks with a real server."""

from __future__ import annotations

import re

import requests

from tests.filled import filled_text
from tests.house import House

PATIENCE = 20  # seconds


def sign_in(browser: requests.Session, place: House) -> None:
    """Sign in as the admin that the bootstrap made."""
    page = browser.get(f"{place.url}/sign-in/", timeout=PATIENCE)
    answer = browser.post(
        page.url,
        data={
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            "username": "admin",
            "password": (place.folder / "admin-password").read_text().strip(),
        },
        timeout=PATIENCE,
    )
    assert "sign-out" in answer.text


def compose_by_hand(browser: requests.Session, place: House, *, title: str) -> requests.Response:
    """Fill in the form of a custom event, choose every upstream, and send it."""
    page = browser.get(f"{place.url}/compose/new/custom/", timeout=PATIENCE)
    form = filled_text(page.text)
    upstreams = dict.fromkeys(re.findall(r'name="(to-[^"]+)"', page.text), "on")
    return browser.post(
        f"{place.url}{form.action}",
        data=form.changed(displayName=title) | upstreams,
        timeout=PATIENCE,
        allow_redirects=False,
    )
