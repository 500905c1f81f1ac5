"""What Lighthouse says of the feed, a component, a source and the settings, with pages and streams.

Needs Chromium and `npm ci --prefix benchmarks/npm --ignore-scripts`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import requests

from tests.house import ROOT, House, house

PROGRAM = ROOT / "benchmarks/npm/node_modules/lighthouse/cli/index.js"
LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100}


def signed_in(place: House) -> requests.Session:
    """Sign in as the admin, and return who is."""
    session = requests.Session()
    page = session.get(f"{place.url}/sign-in/", timeout=30).text
    found = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page)
    form = {
        "username": "admin",
        "password": Path(place.env["DATA_DIR"], "admin-password").read_text().strip(),
        "csrfmiddlewaretoken": found[1] if found else "",
    }
    session.post(f"{place.url}/sign-in/", form, timeout=30)
    return session


def scores(place: House, session: requests.Session, path: str) -> dict[str, int]:
    """Return what Lighthouse gives the page at PATH, out of 100."""
    cookie = "; ".join(f"{one.name}={one.value}" for one in session.cookies)
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or ""
    command = [
        "node", str(PROGRAM), place.url + path, "--quiet", "--output=json", "--preset=desktop",
        f"--only-categories={','.join(LEAST)}",
        f"--extra-headers={json.dumps({'Cookie': cookie})}",
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
    ]  # fmt: skip
    environment = {**os.environ, "CHROME_PATH": chromium}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    report = json.loads(done.stdout)
    for name, audit in report["audits"].items():
        if audit["score"] is not None and audit["score"] < 0.5:
            print(f"    {name}: {audit.get('displayValue', '')}")
    return {name: round(one["score"] * 100) for name, one in report["categories"].items()}


def main() -> None:
    """Print the scores of each page, and fail where one is too low."""
    low = False
    with house(ANONYMOUS_READ="1") as place:  # its own fetches carry no cookie of ours
        place.manage("bootstrap")
        with place.served(one_port=True):
            session = signed_in(place)
            source = re.search(
                r"/sources/[0-9a-f-]{36}/", session.get(f"{place.url}/sources/").text
            )
            for path in (
                "/",
                "/components/payments-api/",
                source[0] if source else "/",
                "/settings/",
            ):
                found = scores(place, session, path)
                print(path, found)
                low |= any(found[name] < least for name, least in LEAST.items())
    raise SystemExit(low)


if __name__ == "__main__":
    main()
