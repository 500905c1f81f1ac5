"""`manage.py bootstrap`: make DATA_DIR ready to run, on the first start and on every later one."""

import os
import secrets
import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from feeds import actions
from feeds.models import Activity, Role, User


class Command(BaseCommand):
    """Migrate, collect the static files, make the first admin, show a demo on the first run."""

    help = "Make the database and the static files ready; on the first run, an admin and a demo."

    def add_arguments(self, parser: Any) -> None:
        """Read whether to leave the demo out."""
        parser.add_argument("--no-demo", action="store_true", help="start with an empty feed")

    def handle(self, *args: Any, no_demo: bool, **options: Any) -> None:
        """Do what is not done yet, and print how to sign in."""
        _check_port()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        first_run = not User.objects.exists()
        if first_run:
            self._make_admin()
        if first_run and not no_demo and not Activity.objects.exists():
            self._show_demo()
        self.stdout.write(f"\n  Pulseboard  {settings.SITE_URL}/")
        self.stdout.write(f"  Sign in as  admin  {_how(_password_file())}\n")

    def _make_admin(self) -> None:
        password = secrets.token_urlsafe(9)
        with os.fdopen(os.open(_password_file(), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(password + "\n")
        actions.create_user("admin", role=Role.ADMIN, name="Admin", password=password)

    def _show_demo(self) -> None:
        call_command("demo")
        if (settings.BASE_DIR / ".git").exists():
            call_command("import_git", str(settings.BASE_DIR), verbosity=0)


def _check_port() -> None:
    """Refuse to start beside another: two servers may share a port, and nobody would notice."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", settings.PORT)) == 0:
            raise CommandError(
                f"PORT: something answers on {settings.PORT} already; "
                f"PORT={settings.PORT + 1} make run"
            )


def _password_file() -> Path:
    return Path(settings.DATA_DIR) / "admin-password"


def _how(file: Path) -> str:
    if not file.exists():
        return "with the password that you chose"
    return f"{file.read_text().strip()}  (kept in {file}, until you change it)"
