"""`floorwatch dashboards`: the command line around what Prometheus, Alertmanager and Grafana are given.

Owns the options and the exit codes: 0 done, 1 could not be written or was refused, 2 wrong usage. Never makes a file's content itself.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from dashboards.build import Places, files_of
from dashboards.grafana.model import LANGUAGES
from engine.policy import Policy
from streams.policy.reading import default_policy, read_policy
from streams.settings import SettingsError, read_token

__all__ = ["dashboards"]

TOKEN_VARIABLE = "GRAFANA_TOKEN"  # noqa: S105 - the name of the variable, not a token.

_policy = click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the policy.  [default: ours]",
)
_floorwatch = click.option(
    "--floorwatch",
    default="http://127.0.0.1:8080",
    show_default=True,
    help="Where Floorwatch is; panels link to its wall.",
)
_prometheus = click.option(
    "--prometheus", default="http://127.0.0.1:9090", show_default=True, help="Where Prometheus is."
)


def _place(context: click.Context, option: click.Parameter, text: str | None) -> str:
    host, _, port = (text or "").rpartition(":")
    if text and not (host and "/" not in host and port.isdecimal() and 0 < int(port) <= 65_535):
        raise click.BadParameter(f"{text!r} must be written as host:port, like worker:9109.")
    return text or ""


@click.group()
def dashboards() -> None:
    """Rules, routes and dashboards for Prometheus, Alertmanager and Grafana.

    \b
    Examples:
      floorwatch dashboards build --out monitoring
      floorwatch dashboards build --out monitoring --policy policy.yaml --webhook manager=https://pager.example/hook
      floorwatch dashboards push --grafana http://127.0.0.1:3000 --dry-run
    """


@dashboards.command()
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write into.")
@_policy
@_floorwatch
@_prometheus
@click.option("--alertmanager", default="http://127.0.0.1:9093", show_default=True, help="Where Alertmanager is.")
@click.option("--runbook", default="RUNBOOK.md", show_default=True, help="Address of the runbook, for links of alerts.")
@click.option("--token-file", default="", help="File with Floorwatch's token, as Prometheus and Alertmanager see it.")
@click.option("--grafana-folder", default=Places.folder, show_default=True, help="Where Grafana sees the dashboards.")
@click.option("--workers", callback=_place, metavar="HOST:PORT", help="Of a cluster: --vitals of all workers, by DNS.")
@click.option("--gateways", callback=_place, metavar="HOST:PORT", help="Of a cluster: where all gateways are, by DNS.")
@click.option(
    "--webhook", "webhooks", multiple=True, metavar="NAME=URL",
    help="Who is told where: team_leader, supervisor, manager, watchdog, or shop/level; repeatable.",
)  # fmt: skip
def build(
    out: Path, policy_path: Path | None, floorwatch: str, prometheus: str, alertmanager: str, runbook: str, token_file: str,
    grafana_folder: str, workers: str, gateways: str, webhooks: tuple[str, ...],
) -> None:  # fmt: skip
    """Write all files; the same policy and options give the same bytes."""
    places = Places(
        floorwatch, prometheus, alertmanager, runbook, token_file, grafana_folder, workers, gateways, _pairs(webhooks)
    )
    files = files_of(_read(policy_path), places)
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    click.echo(f"{len(files)} files written to {out}")


@dashboards.command()
@click.option("--grafana", required=True, metavar="URL", help="Where Grafana is.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help=f"File with a service account's token; or set {TOKEN_VARIABLE}.",
)
@_policy
@_floorwatch
@_prometheus
@click.option("--language", "languages", type=click.Choice(LANGUAGES), multiple=True, help="Editions.  [default: all]")
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would change.")
def push(
    grafana: str, token_file: Path | None, policy_path: Path | None, floorwatch: str, prometheus: str,
    languages: tuple[str, ...], dry_run: bool,
) -> None:  # fmt: skip
    """Put folder, data source, dashboards and sale periods into a Grafana; what is there and the same is left alone."""
    from dashboards.push import Refused, push  # The client is only loaded for this.

    try:
        token = read_token(token_file) if token_file else os.environ.get(TOKEN_VARIABLE, "")
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    if not token:
        raise click.UsageError(f"Grafana wants a token; set {TOKEN_VARIABLE} or give --token-file.")
    try:
        pushed = push(
            grafana, token, _read(policy_path), prometheus=prometheus, wall=floorwatch, languages=languages or LANGUAGES, dry_run=dry_run
        )  # fmt: skip
    except Refused as refused:
        raise click.ClickException(str(refused)) from None
    if dry_run:
        for line in pushed.diff:
            click.echo(line)
    for name, outcome in pushed.outcomes:
        click.echo(f"{outcome}: {name}")


def _read(path: Path | None) -> Policy:
    return read_policy(path) if path else default_policy()


def _pairs(webhooks: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for told in webhooks:
        name, _, url = told.partition("=")
        if not name or not url.startswith(("http://", "https://")):
            raise click.UsageError(f"{told!r} is no webhook; write it like manager=https://pager.example/hook.")
        found[name] = url
    return found
