"""`nicu-monitor users`: who may log in to the page and the API."""

import json
import os
import re
import sys
from pathlib import Path

import click

from monitor.cli_framework import examples
from monitor.control.access import Role, hash_token, new_token
from monitor.control.bed_scope import EVERY_BED, BedScope
from monitor.errors import ConfigError
from monitor.web.user_changes import SHORTEST_PASSWORD
from monitor.web.users import NAME_PATTERN, User, UserList, hash_password, hold_users, read_users, write_users

__all__ = ["command"]


class _UsersFile(click.Path):
    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        if "://" in os.fspath(value):  # which may hold a password: it is not repeated
            self.fail("an address is no users file; give the path of a file on this machine", param, ctx)
        return super().convert(value, param, ctx)


_FILE = click.argument("file", type=_UsersFile(path_type=Path, dir_okay=False))
_ROLE = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    help="What they may do.  [default: as before; viewer for who is new]",
)


def _checked_beds(_context: click.Context, _parameter: click.Parameter, text: str | None) -> BedScope | None:
    try:
        return None if text is None else BedScope.parse(text) if text.strip() else EVERY_BED
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_PICTURES = click.option(
    "--pictures/--no-pictures",
    default=None,
    help="Let a researcher see the live picture; the other roles see it without.  [default: as before]",
)
_BEDS = click.option(
    "--beds",
    metavar="PATTERNS",
    callback=_checked_beds,
    help="Only these beds, as `north-*,bed-7`; empty for every bed.  [default: as before; every bed for who is new]",
)


def _checked_name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if not re.fullmatch(NAME_PATTERN, name):
        raise click.BadParameter("use 1 to 63 letters, digits and _ . @ -, beginning with a letter or digit")
    return name


def _asked_password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    # A hidden prompt asks the terminal, and would leave unread what is piped in.
    line = sys.stdin.buffer.readline()
    if not line:
        raise EOFError
    return line.decode("utf-8", "surrogateescape").rstrip("\r\n")


_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
_NAME = click.argument("name", callback=_checked_name)


@click.group(
    name="users",
    epilog=examples(
        "nicu-monitor users add secrets/users anna --role nurse", "nicu-monitor users list secrets/users --json"
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Say who may log in to the page and the API.

    A running station reads the file again when it changes. Removing somebody, or giving them a new password, ends
    their sessions.
    """


@command.command(epilog=examples("nicu-monitor users add secrets/users anna --role nurse"))
@_FILE
@_NAME
@_ROLE
@_BEDS
@_PICTURES
@click.option("--password", help="Asked for when it is not given; do not write it on the command line.")
def add(
    file: Path, name: str, role: str | None, beds: BedScope | None, password: str | None, *, pictures: bool | None
) -> None:
    """Add the person NAME to the users FILE, or give them another password.

    Who is there already keeps role and beds where no others are given. A script pipes the password in, as one line.
    """
    password = _asked_password() if password is None else password
    if len(password) < SHORTEST_PASSWORD:
        raise click.BadParameter(f"use at least {SHORTEST_PASSWORD} characters", param_hint="'--password'")
    try:
        secret = hash_password(password)
    except UnicodeEncodeError:
        raise click.BadParameter("it is no text in UTF-8, as the page sends it", param_hint="'--password'") from None
    user = _put(file, name, secret, role, beds, pictures=pictures)
    click.echo(f"{name} may log in as {user.role}{f' of the beds {user.beds}' if user.beds.is_limited else ''}")


@command.command(
    epilog=examples(
        "nicu-monitor users token secrets/users integrator --role viewer",
        "nicu-monitor users token secrets/users north --role display --beds 'north-*'",
    )
)
@_FILE
@_NAME
@_ROLE
@_BEDS
@_PICTURES
@_JSON
def token(
    file: Path, name: str, role: str | None, beds: BedScope | None, *, pictures: bool | None, as_json: bool
) -> None:
    """Add the program NAME to the users FILE, and print its token, which is stored nowhere else.

    A program that is there already gets a new token, and keeps role and beds where no others are given. Programs
    send it as `Authorization: Bearer TOKEN`.
    """
    secret = new_token()
    user = _put(file, name, hash_token(secret), role, beds, pictures=pictures)
    click.echo(json.dumps({"name": name, "role": user.role, "token": secret}) if as_json else secret)


@command.command(epilog=examples("nicu-monitor users remove secrets/users anna"))
@_FILE
@_NAME
def remove(file: Path, name: str) -> None:
    """Remove NAME from the users FILE."""
    with hold_users(file):
        users = read_users(file)
        if users.get(name) is None:
            raise ConfigError(f"there is no user {name} in {file}; this lists them: nicu-monitor users list {file}")
        write_users(file, [user for user in users.all() if user.name != name])
    click.echo(f"{name} may not log in any more")


@command.command(
    name="list",
    epilog=examples("nicu-monitor users list secrets/users", "nicu-monitor users list secrets/users --json"),
)
@_FILE
@_JSON
def list_users(file: Path, *, as_json: bool) -> None:
    """List the users of the users FILE; never a secret."""
    users = read_users(file).all()
    if as_json:
        rows = [
            {
                "name": user.name,
                "role": user.role,
                "kind": _kind(user),
                "beds": list(user.beds.patterns),
                "pictures": user.sees_pictures,
            }
            for user in users
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for user in users:
        limit = f"  {user.beds}" if user.beds.is_limited else ""
        granted = "  with pictures" if user.pictures else ""
        click.echo(f"{user.name:24} {user.role:10} {_kind(user)}{limit}{granted}")


def _kind(user: User) -> str:
    return "person" if user.has_password else "program"


def _put(
    file: Path, name: str, secret: str, given_role: str | None, beds: BedScope | None, *, pictures: bool | None
) -> User:
    """Write somebody with a new secret, and what was given or was so before; return it."""
    with hold_users(file):
        users = read_users(file) if file.exists() else UserList()
        before = users.get(name) or User(name, Role.VIEWER, secret)
        role = before.role if given_role is None else Role(given_role)
        if pictures and role is not Role.RESEARCHER:
            words = "only a researcher needs it: the other roles see the picture"
            raise click.BadParameter(words, param_hint="'--pictures'")
        is_granted = role is Role.RESEARCHER and (before.pictures if pictures is None else pictures)
        user = User(name, role, secret, before.beds if beds is None else beds, is_granted)
        if before.has_password != user.has_password:
            kind, other = ("a person", "a program") if before.has_password else ("a program", "a person")
            raise ConfigError(f"{name} is {kind} in {file}; give {other} another name, or remove {name} first")
        write_users(file, [*(listed for listed in users.all() if listed.name != name), user])
        return user
