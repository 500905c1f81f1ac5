"""`manage.py create_token EMAIL --role ROLE`."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from feeds import actions
from feeds.models import Role, User


class Command(BaseCommand):
    """Make an API token, and its user if there is none; print the token alone."""

    help = "Make an API token for EMAIL, and the user if there is none. Prints the token alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Read the e-mail, the role and a name for the token."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--role", choices=Role.values, default=Role.COMPOSER)
        parser.add_argument("--name", default="create_token", help="what the token is for")

    def handle(self, *args: Any, email: str, role: str, name: str, **options: Any) -> None:
        """Print the token on standard output."""
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"EMAIL: {email!r} is not an e-mail address.") from None
        user = User.objects.by_login(email) or actions.create_user(
            _free_name(email), role=Role(role), email=email
        )
        self.stdout.write(actions.create_token(user, role=Role(role), name=name))


def _free_name(email: str) -> str:
    """Return the part before the @, or the whole e-mail where that name is taken."""
    name = email.partition("@")[0]
    return email if User.objects.by_login(name) else name
