"""A process that runs one management command after another: Django takes a second or two to load.

It reads a JSON list of arguments a line, and answers each with the exit code and what was printed.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

import django
from django.core.management import execute_from_command_line
from django.db import connections


def run(arguments: list[str]) -> tuple[int, str, str]:
    """Run one command as manage.py does."""
    from feeds import actions  # which needs Django

    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except Exception as error:
            code = 1
            print(repr(error), file=sys.stderr)
    connections.close_all()
    actions.forget_site()  # which another process may change
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    django.setup()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
