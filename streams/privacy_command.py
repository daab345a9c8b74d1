"""`floorwatch privacy check`: proves that identifiers which were sent are nowhere in what is kept and told.

Owns the options and what is printed. Never prints an identifier. Exit codes: 0 none was found, 1 some were or something could not be read, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import requests

from streams.planted import LENGTH_MIN, PLANTED_MAX, Search
from streams.settings import SettingsError, read_token

__all__ = ["privacy"]

#: What a service tells, that anybody could have told it.
PATHS = (
    "/metrics", "/api/v1/now", "/api/v1/people", "/api/v1/history?hours=24", "/api/v1/history?rollup=tenant&hours=24", "/api/v1/alerts?all&limit=1000",
    "/api/v1/oncall", "/api/v1/policy",
)  # fmt: skip
STORIES_MAX = 200
FINDS_SHOWN = 50


@click.group()
def privacy() -> None:
    """What is kept of customers, and the proof that it is no more.

    \b
    Example:
      floorwatch privacy check --planted planted.txt --data data/floorwatch --url http://127.0.0.1:8080
    """


@privacy.command()
@click.option(
    "--planted",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Identifiers that were sent, one a line.",
)
@click.option(
    "--data",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of the state; repeatable.",
)
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File of what was printed; repeatable.",
)
@click.option("--url", help="Address of a running service, whose figures, alerts and metrics are searched too.")
@click.option(
    "--token-file", type=click.Path(path_type=Path), help="File with the service's token; or set FLOORWATCH_TOKEN."
)
def check(
    planted: Path, folders: Sequence[Path], logs: Sequence[Path], url: str | None, token_file: Path | None
) -> None:
    """Look for identifiers that were sent on purpose: plain, escaped, coded, hashed without a key, and packed.

    Send events with customers, phone numbers and messages that nobody else has, write these into a file, one a line, and run this. What is found
    is told by its line and place, never by itself.
    """
    if not folders and not logs and not url:
        raise click.UsageError("There is nothing to search; name --data, --log or --url.")
    search = Search(_planted(planted))
    for folder in folders:
        search.folder(folder)
    for log in logs:
        search.file(log)
    if url:
        _ask(search, url.rstrip("/"), token_file)
    for find in sorted(search.finds)[:FINDS_SHOWN]:
        click.echo(f"{find.place}: line {find.line} of {planted.name}, {find.spelling}")
    for unread in search.unread:
        click.echo(f"could not be searched: {unread}", err=True)
    found = len({find.line for find in search.finds})
    click.echo(
        f"{found} of {len(search.planted)} identifiers found; {search.places:,} places with {search.bytes_searched:,} bytes searched",
        err=not found,
    )
    sys.exit(1 if search.finds or search.unread else 0)


def _planted(path: Path) -> dict[int, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise click.UsageError(f"The file {path} is no UTF-8; save it as UTF-8.") from None
    found = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()}
    if not 0 < len(found) <= PLANTED_MAX:
        raise click.UsageError(
            f"The file {path} must have 1 to {PLANTED_MAX} identifiers, one a line, not {len(found)}."
        )
    if short := [number for number, text in found.items() if len(text) < LENGTH_MIN]:
        raise click.UsageError(
            f"Line {short[0]} of {path} is shorter than {LENGTH_MIN} signs and would be found by chance; plant longer ones."
        )
    return found


def _ask(search: Search, url: str, token_file: Path | None) -> None:
    try:
        token = read_token(token_file) if token_file else os.environ.get("FLOORWATCH_TOKEN", "")
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    with requests.Session() as session:
        if token:
            session.headers["Authorization"] = f"Bearer {token}"
        paths = list(PATHS)
        for path in paths:
            try:
                answer = session.get(url + path, timeout=30, allow_redirects=False)
            except requests.RequestException as error:
                search.unread.append(f"{path}: {type(error).__name__}")
                continue
            if answer.status_code == 404 and path.startswith(("/api/v1/alerts", "/api/v1/oncall")):
                continue  # A service without --alerts.
            if answer.status_code != 200:
                search.unread.append(f"{path}: answered {answer.status_code}")
                continue
            search.data(url + path, answer.content)
            if path.startswith("/api/v1/alerts?"):
                paths += [f"/api/v1/alerts/{one['id']}" for one in answer.json()["alerts"][:STORIES_MAX]]
