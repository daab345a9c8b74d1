"""`floorwatch token`: makes, lists and revokes the tokens of people, walls and writers.

Owns the options and what is printed. Never prints a token but once, when it is made. Exit codes: 0 done, 1 a file that cannot be read or
written, 2 wrong usage.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from engine.times import duration_us
from streams.access import ROLES
from streams.policy.words import instant_us
from streams.screens import PAGES
from streams.settings import SettingsError
from streams.tokens import LINES_MAX, Revoked, Token, append, kept_master, made, read_tokens

__all__ = ["token"]

DEFAULT_FILE = Path("tokens.jsonl")
_FILE = click.option(
    "--tokens", "path", type=click.Path(path_type=Path, dir_okay=False), default=DEFAULT_FILE, show_default=True,
    help="File of the tokens; floorwatch run takes the same.",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Expiry(click.ParamType):
    """`90d` from now, an instant, or `never`."""

    name = "when"

    def convert(
        self, value: str | datetime | None, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        if value == "never":
            return None
        try:
            return datetime.now(UTC).replace(microsecond=0) + timedelta(microseconds=duration_us(value))
        except (ValueError, OverflowError):
            pass
        try:
            return _EPOCH + timedelta(microseconds=instant_us(value, ZoneInfo("UTC")))
        except ValueError:
            self.fail(f"{value!r} is no time; write it like 90d, 2027-01-31 or never", param, ctx)


@click.group()
def token() -> None:
    """Tokens of people, walls and writers: who may see or send what of which shops, and until when.

    \b
    Examples:
      floorwatch token create --name "wall of shop 7" --role viewer --tenant shop-7 --page overview --page shops
      floorwatch token create --name "chat of shop 7" --role writer --tenant shop-7 --signing
      floorwatch token list
      floorwatch token revoke 3f0c9a7be211
    """


@token.command()
@_FILE
@click.option("--name", required=True, help="Whose it is; several tokens may have one name.")
@click.option("--role", required=True, type=click.Choice(list(ROLES)), help="What its owner may do.")
@click.option(
    "--tenant", "tenants", multiple=True, help="A shop that its owner may see or send events of.  [default: all]"
)
@click.option("--page", "pages", multiple=True, type=click.Choice(PAGES), help="A page likewise.  [default: all]")
@click.option("--expires", type=_Expiry(), default="90d", show_default=True, help="Like 90d, 2027-01-31 or never.")
@click.option(
    "--signing", is_flag=True, help="Of a writer: a key to sign each request with, instead of a token to send along."
)
@click.option(
    "--rate", type=int, help="Of a writer: how many events a second it may send.  [default: the service's limit]"
)
def create(
    path: Path, name: str, role: str, tenants: Sequence[str], pages: Sequence[str], expires: datetime | None, signing: bool,
    rate: int | None,
) -> None:  # fmt: skip
    """Make a token. It is printed once and kept nowhere."""
    limits = (tuple(tenants) or None, tuple(pages) or None, expires)
    try:
        if signing:  # Before the master is drawn: a wish that makes no token writes nothing.
            made(name, role, *limits, rate=rate, master=b"-")
        line, given = made(name, role, *limits, rate=rate, master=kept_master(path) if signing else None)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    if path.exists() and len(_read(path)[0]) + len(_read(path)[1]) >= LINES_MAX:
        raise click.ClickException(f"The file {path} has {LINES_MAX:,} lines; begin a new one.")
    append(path, line)
    click.echo(f"Token {line.id} is written to {path} as a hash; this is the only time that it is shown:", err=True)
    click.echo(given)


@token.command("list")
@_FILE
def list_(path: Path) -> None:
    """Show all tokens: whose, for what, until when, and whether they hold."""
    tokens, revoked = _read(path)
    table = Table("id", "name", "role", "tenants", "pages", "expires", "state", box=None, pad_edge=False)
    for one in tokens.values():
        limits = (", ".join(names) if names else "all" for names in (one.tenants, one.pages))
        expires = one.expires.isoformat() if one.expires else "never"
        table.add_row(one.id, one.name, one.role, *limits, expires, _state(one, revoked))
    Console(markup=False, highlight=False, width=None if Console().is_terminal else 200).print(table)


@token.command()
@_FILE
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
def revoke(path: Path, ids: Sequence[str]) -> None:
    """Take tokens back; a running service follows within a second, and ends what they look at."""
    tokens, revoked = _read(path)
    for token_id in ids:
        if token_id not in tokens:
            raise click.UsageError(f"No token in {path} has the id {token_id}; see floorwatch token list.")
    for token_id in ids:
        if token_id not in revoked:
            append(path, Revoked(token_id, datetime.now(UTC).replace(microsecond=0)))
        click.echo(f"Token {token_id} ({tokens[token_id].name}) is revoked.")


def _read(path: Path) -> tuple[dict[str, Token], dict[str, Revoked]]:
    try:
        return read_tokens(path)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def _state(one: Token, revoked: dict[str, Revoked]) -> str:
    if one.id in revoked:
        return f"revoked {revoked[one.id].at.isoformat()}"
    return "expired" if one.is_expired(datetime.now(UTC)) else "holds"
