"""`floorwatch alerts` and `floorwatch oncall`: look at alerts and act on them, try channels and ladders, see who is on call.

Owns the options and what is printed. What a service does is asked of the service over HTTP; files are read here. Never prints a secret.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import requests

from alerts.channels import Delivery, send
from alerts.ladders import recipients, rule_for
from alerts.plan import Plan
from alerts.reading import DEFAULT, default_plan, read_plan
from alerts.schedule import on_call, spans
from alerts.stage import now_us
from alerts.week import local
from engine.times import DAY_US

__all__ = ["alerts", "oncall"]

TOKEN_VARIABLE = "FLOORWATCH_TOKEN"  # noqa: S105 - the name of the variable, not a token.
_service = click.option("--service", default="http://127.0.0.1:8080", show_default=True, help="Address of the service.")
_by = click.option(
    "--by",
    default="",
    help="In whose name, for an administrator's token: one of the alerts file.  [default: the token's]",
)
_file = click.option(
    "--alerts", "path", type=click.Path(path_type=Path, dir_okay=False), help="The alerts file.  [default: ours]"
)


@click.group()
def alerts() -> None:
    """Alerts: what is raised, who was told, who acts."""


@alerts.command("default")
def default() -> None:
    """Print the alerts file that holds where none is named: the way to begin your own."""
    click.echo(DEFAULT.read_text("utf-8"), nl=False)


@alerts.command("check")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def check(path: Path) -> None:
    """Say whether an alerts file is sound."""
    plan = read_plan(path)
    click.echo(
        f"{path} is sound: {len(plan.people)} people, {len(plan.channels)} channels, {len(plan.schedules)} schedules, "
        f"{len(plan.ladders)} ladders, {len(plan.rules)} rules"
    )


@alerts.command("list")
@_service
@click.option("--all", "ended", is_flag=True, help="Also those that have ended.")
def list_(service: str, ended: bool) -> None:
    """Alerts that have not ended, the newest first."""
    for row in _call(service, "GET", "/api/v1/alerts" + ("?all" if ended else ""))["alerts"]:
        owner = f"  {row['owner']}" if row["owner"] else ""
        click.echo(f"{row['id']}  {row['status']:<12}  level {row['level']}{owner}  {row['title']['en']}")


@alerts.command("show")
@click.argument("alert")
@_service
def show(alert: str, service: str) -> None:
    """The story of an alert as JSON."""
    click.echo(
        json.dumps(_call(service, "GET", f"/api/v1/alerts/{quote(alert, safe='')}"), ensure_ascii=False, indent=2)
    )


@alerts.command("ack")
@click.argument("alert")
@_by
@_service
def ack(alert: str, by: str, service: str) -> None:
    """Acknowledge: it climbs no further until the ladder's limit."""
    _act(service, alert, "acknowledge", {"by": by})


@alerts.command("snooze")
@click.argument("alert")
@_by
@click.option("--for", "time", default="30m", show_default=True, help="For how long.")
@_service
def snooze(alert: str, by: str, time: str, service: str) -> None:
    """Keep an alert quiet for a while."""
    _act(service, alert, "snooze", {"by": by, "until": time})


@alerts.command("hand-over")
@click.argument("alert")
@_by
@click.option("--to", required=True, help="To whom.")
@_service
def hand_over(alert: str, by: str, to: str, service: str) -> None:
    """Hand an alert to somebody else, who is told."""
    _act(service, alert, "hand_over", {"by": by, "to": to})


@alerts.command("test-channel")
@click.argument("channel")
@click.option(
    "--alerts", "path", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The alerts file."
)
def test_channel(channel: str, path: Path) -> None:
    """Send a test message by a channel of the alerts file."""
    plan = read_plan(path)
    if channel not in plan.channels:
        raise click.UsageError(f"There is no channel {channel!r}; choose from {', '.join(plan.channels) or 'none'}.")
    said = Delivery(
        f"test-{secrets.token_hex(4)}", channel, "Floorwatch 测试 · test", "这是一条测试消息。This is a test.", "info"
    )
    if failure := send(plan.channels[channel], said):
        raise click.ClickException(f"The channel {channel} did not take it: {failure}.")
    click.echo(f"The channel {channel} took it.")


@alerts.command("simulate-ladder", context_settings={"ignore_unknown_options": True})
@_file
@click.option("--with", "facts", multiple=True, metavar="WORD=VALUE", help="What is raised, such as commitment=wait.")
def simulate_ladder(path: Path | None, facts: tuple[str, ...]) -> None:
    """Who would be told of something now, level by level, if nobody acted."""
    plan, now = _plan(path), now_us()
    said = {"commitment": "wait", "step": "broken", "about": "contact"} | dict(
        fact.split("=", 1) for fact in facts if "=" in fact
    )
    rule = rule_for(plan, said, now)
    if rule is None or rule.ladder not in plan.ladders:
        click.echo(f"nobody is told: {'no rule' if rule is None else f'the rule {rule.name} has the ladder none'}")
        return
    severity = rule.severity or said.get("severity", "critical" if said["step"] == "broken" else "warning")
    at_us = rule.wait + 0
    for place, level in enumerate(plan.ladders[rule.ladder].levels):
        names = [f"{found.person} ({found.why})" if found.person else found.why
                 for found in recipients(plan, level, said, severity, now + at_us)]  # fmt: skip
        click.echo(f"after {at_us // 1_000_000} s  level {place + 1}  {'; '.join(names)}")
        at_us += level.wait


@click.group()
def oncall() -> None:
    """Who is on call."""


@oncall.command("now")
@_file
def now(path: Path | None) -> None:
    """Who is on call by each schedule at this moment."""
    plan = _plan(path)
    for name in plan.schedules:
        cover = on_call(plan, name, now_us())
        click.echo(f"{name}  {cover.person or 'nobody'}  ({cover.why})")


@oncall.command("week")
@_file
def week(path: Path | None) -> None:
    """Who will be on call for the next seven days, gaps included."""
    plan = _plan(path)
    for name, schedule in plan.schedules.items():
        zone = plan.zone_of(schedule.zone)
        for start, end, cover in spans(plan, name, now_us(), now_us() + 7 * DAY_US):
            begin, until = (local(at, zone).strftime("%a %m-%d %H:%M") for at in (start, end))
            click.echo(f"{name}  {begin} to {until}  {cover.person or 'nobody'}  ({cover.why})")


def _plan(path: Path | None) -> Plan:
    return read_plan(path) if path else default_plan()


def _act(service: str, alert: str, what: str, body: dict[str, str]) -> None:
    click.echo(_call(service, "POST", f"/api/v1/alerts/{quote(alert, safe='')}/{what}", body)["answer"])


def _call(service: str, method: str, path: str, body: dict[str, str] | None = None) -> Any:
    token = os.environ.get(TOKEN_VARIABLE)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = requests.request(method, service.rstrip("/") + path, json=body, headers=headers, timeout=10)
        said = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise click.ClickException(f"The service at {service} does not answer: {type(error).__name__}.") from None
    if answer.status_code >= 400:
        raise click.ClickException(str(said.get("error") or said.get("answer") or f"it answered {answer.status_code}"))
    return said
