"""`floorwatch capacity`: what if, and was the model right.

Owns the options and how answers are told: a table, CSV, or a chart as SVG by the ending of `--out`.
"""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from engine.capacity.forecast import forecast
from engine.capacity.staffing import Target
from engine.errors import InvalidSetting
from engine.policy import Policy
from engine.times import DAY_US, iso, local_midnight_us
from streams.capacity.check import back_test, compared, whole
from streams.capacity.counts import STEP_US, counts_by_day, weekday_of
from streams.capacity.days import warn_of
from streams.capacity.events import Named, event_option, named_days
from streams.capacity.plan import Plan, Scenario, planned
from streams.capacity.targets import SHARE, share_of, within_of
from streams.history.importing import history_option, store_url
from streams.history.store import Store
from streams.options import Duration, Zone
from streams.policy.reading import read_policy
from streams.reports.charts import lines
from streams.reports.style import STYLE

__all__ = ["capacity"]

_SHOWN = 48
#: What else money is lost for, and how it is called.
_COSTS = (("breach_cost", "cost of breaches"), ("gap_cost", "cost of the gap"))
#: Within what contacts are answered where neither a target nor a policy says.
_WITHIN_S = 20.0
#: Contacts that were handled, from which a queue's own handle time is taken.
_ENOUGH = 30


policy_option = click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path, dir_okay=False),
    help="Its targets are planned for, and its sales and holidays are days that are not like others.",
)  # fmt: skip


class _Share(click.ParamType):
    """`80%`, or a number from 0 to 1."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return float(value.rstrip("%")) / 100 if str(value).endswith("%") else float(value)
        except ValueError:
            self.fail(f"{value!r} is no share; write it like 80% or 0.8", param, ctx)


class _Goal(click.ParamType):
    """`80%/20s`."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        match = re.fullmatch(r"([\d.]+)%?/(.+)", str(value))
        if match is None:
            self.fail(f"{value!r} is no target; write it like 80%/20s", param, ctx)
        return float(match[1]) / 100, Duration().convert(match[2], param, ctx) / 1e6


@click.group()
def capacity() -> None:
    """How many people, when, and what if.

    \b
    Examples:
      floorwatch capacity plan --arrivals 100 --handle 3m --target 80%/20s --occupancy 85% --shrinkage 30%
      floorwatch capacity plan --days 7 --by queue --volume 5 --out sale.csv
      floorwatch capacity check --history january.sqlite --zone UTC
      floorwatch capacity check --simulate 1,2,3
    """


@capacity.command()
@history_option
@click.option("--arrivals", type=float, help="Contacts an interval; without it they are forecast from the history.")
@click.option("--handle", type=Duration(), help="Handle time of a contact.  [default: that of the history]")
@click.option("--interval", type=Duration(), default="30m", show_default=True, help="Of --arrivals.")
@click.option(
    "--target",
    type=_Goal(),
    help="Share of contacts, and within what.  [default: the policy's with --policy, else 80%/20s]",
)
@click.option(
    "--occupancy", type=_Share(), default="85%", show_default=True, help="At most so much of the time with a contact."
)
@click.option("--abandoned", type=_Share(), default="100%", show_default=True, help="At most so many leave.")
@click.option(
    "--shrinkage", type=_Share(), default="0%", show_default=True, help="Of paid time, not there for contacts."
)
@click.option("--patience", type=Duration(), help="Mean patience.  [default: that of the history; endless without one]")
@click.option("--concurrency", type=int, default=1, show_default=True, help="Contacts that a person holds at once.")
@click.option(
    "--slowdown",
    type=_Share(),
    default="0%",
    show_default=True,
    help="How much longer each takes for every further one.",
)
@click.option("--volume", type=float, default=1.0, show_default=True, help="Times as many arrivals: 5 for a sale.")
@click.option("--handle-factor", type=float, default=1.0, show_default=True, help="Times as long a handle time.")
@click.option("--present", type=int, help="People there; what is met with them, instead of with those needed.")
@click.option("--add", type=int, default=0, show_default=True, help="People more than that.")
@click.option(
    "--part-time", type=int, default=0, show_default=True, help="People who come for four hours, at the peaks."
)
@click.option("--cost", type=float, default=0.0, show_default=True, help="Of an hour of a person on the roster.")
@click.option("--breach-cost", type=float, default=0.0, show_default=True, help="Of a contact that misses the target.")
@policy_option
@event_option
@click.option("--days", type=click.IntRange(1, 28), default=1, show_default=True, help="Days that are forecast.")
@click.option("--by", type=click.Choice(["total", "queue"]), default="total", show_default=True)
@click.option("--zone", type=Zone(), default="Asia/Shanghai", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it here: .csv, or .svg for a chart."
)
def plan(
    history_url: str | None, arrivals: float | None, handle: int | None, interval: int, target: tuple[float, float] | None, occupancy: float,
    abandoned: float, shrinkage: float, patience: int | None, concurrency: int, slowdown: float, volume: float, handle_factor: float,
    present: int | None, add: int, part_time: int, cost: float, breach_cost: float, policy_path: Path | None, named: tuple[Named, ...], days: int, by: str, zone: ZoneInfo, out: Path | None,
) -> None:  # fmt: skip
    """People needed by interval, and what customers meet with them: for one interval, or for days that are forecast from the history."""
    if out and out.suffix not in (".csv", ".svg"):
        raise click.UsageError(f"{out} has no ending that says a form; take .csv or .svg")
    began = time.perf_counter()
    policy = read_policy(policy_path) if policy_path else None
    if arrivals is not None:
        if handle is None:
            raise click.UsageError("--arrivals needs --handle, the time that a contact takes.")
        names: list[tuple[str, ...]] = [("",)]
        starts_us, came, handle_s = [0], np.array([[arrivals]]), np.array([[handle / 1e6]])
        patience_s, interval_s = (patience / 1e6 if patience else np.inf), interval / 1e6
    else:
        names, starts_us, came, handle_s, patience_s = _forecast(history_url, by, days, zone, handle, named, policy)
        patience_s, interval_s = (patience / 1e6 if patience else patience_s), STEP_US / 1e6
    within_s = (
        within_of(
            policy, [",".join(name) for name in names], starts_us if arrivals is None else [time.time_ns() // 1_000]
        )
        if policy and target is None
        else None
    )
    share, least_s = target or (share_of(policy) if policy else SHARE, _WITHIN_S)
    scenario = Scenario(
        Target(share, least_s, occupancy, abandoned), volume, handle_factor, patience_s, concurrency, slowdown, shrinkage, present, add,
        part_time, round(4 * 3600 / interval_s), cost, breach_cost,
    )  # fmt: skip
    made = planned(came, handle_s, interval_s, scenario, within_s)
    _show(made, names, starts_us, zone, is_single=arrivals is not None)
    if out:
        (_write_csv if out.suffix == ".csv" else _write_svg)(out, made, names, starts_us, zone)
    cells = made.needed.size
    click.echo(f"{cells:,} intervals planned in {time.perf_counter() - began:.1f} s", err=True)


def _forecast(
    history_url: str | None, by: str, days: int, zone: ZoneInfo, handle: int | None, events: tuple[Named, ...], policy: Policy | None
) -> Any:  # fmt: skip
    """Names, starts, arrivals by queue and interval, handle times and patience, from the history."""
    store = Store(store_url(history_url))
    known = counts_by_day(store, by, zone)
    midnights = known.midnights_us
    if not midnights:
        raise InvalidSetting("the history holds nothing to forecast from; give --arrivals and --handle")
    if np.isnan(known.total[-1]).mean() > 0.1:  # Its last day is still running.
        midnights = midnights[:-1]
    if not midnights:
        raise InvalidSetting("the history holds no whole day yet; give --arrivals and --handle")
    groups: list[tuple[str, ...] | None] = [None] if by == "total" else [*sorted(known.of)]
    weekdays = [weekday_of(one, zone) for one in midnights]
    ahead_us = [local_midnight_us(midnights[-1] + DAY_US // 2, zone, days=ahead) for ahead in range(1, days + 1)]
    before, behind = (named_days(of, zone, events, policy) for of in (midnights, ahead_us))
    told = {_told(midnight_us, zone, name, before) for midnight_us, name in zip(ahead_us, behind, strict=True) if name}
    starts_us = [midnight_us + slot * STEP_US for midnight_us in ahead_us for slot in range(DAY_US // STEP_US)]
    rows = []
    for group in groups:
        counts = (known.total if group is None else known.of[group])[: len(midnights)]
        made = [
            forecast(counts, weekdays, weekday_of(midnight_us, zone), events=before, event=name).mean
            for midnight_us, name in zip(ahead_us, behind, strict=True)
        ]
        rows.append(np.concatenate(made))
    for sentence in sorted(told):
        click.echo(sentence, err=True)
    (queue, _), (each, numbers) = whole(store), whole(store, by)
    place = {store.names(by)[number]: at for at, number in enumerate(numbers)}
    store.close()
    patience_s = float(queue.patience_s.value[0])
    # A queue that handled too few is taken for like the others.
    handles_s = np.full(len(rows), handle / 1e6 if handle else float(queue.handle_s.value[0]))
    for row, group in enumerate(groups):
        if handle is None and group is not None and each.handle_s.sample[place[group]] >= _ENOUGH:
            handles_s[row] = each.handle_s.value[place[group]]
    if not np.isfinite(handles_s).all():
        raise InvalidSetting("the history knows no handle time, for nothing was handled; give --handle")
    names = [group or ("",) for group in groups]
    return (
        names,
        starts_us,
        np.array(rows),
        handles_s[:, None],
        patience_s if np.isfinite(patience_s) else np.inf,
    )


def _told(midnight_us: int, zone: ZoneInfo, name: str, before: list[str]) -> str:
    seen = before.count(name)
    how = (
        f"as on {seen} days of the history"
        if seen
        else "none is in the history, so as many as on other days; --volume says otherwise"
    )
    return f"{iso(midnight_us, zone)[:10]} {name}: {how}"


def _show(made: Plan, names: list[tuple[str, ...]], starts_us: list[int], zone: ZoneInfo, *, is_single: bool) -> None:
    if is_single:
        one = {name: values.ravel()[0] for name, values in made.columns().items()}
        click.echo(
            f"{one['needed']} on contacts, {one['rostered']} on the roster"
            + (f", {one['there']} there" if one["there"] != one["needed"] else "")
            + f"; service level {one['service_level']:.5f}, occupancy {one['occupancy']:.6f}, speed of answer {one['asa_s']:.1f} s, "
            f"abandoned {one['abandoned']:.4f}"
            + (f", cost {one['cost']:,.2f}" if one["cost"] else "")
            + "".join(f", {told} {one[name]:,.2f}" for name, told in _COSTS if name in one)
        )
        return
    costs = [(told, of) for name, told in _COSTS if (of := getattr(made, name)) is not None]
    table = Table(
        "interval",
        "arrivals",
        "needed",
        "there",
        "roster",
        "service level",
        "occupancy",
        "cost",
        *(told for told, _ in costs),
    )
    whole_day = made.arrivals.sum(axis=0)
    for at in range(min(len(starts_us), _SHOWN)):
        weights = made.arrivals[:, at]
        level = float(np.average(made.service_level[:, at], weights=weights)) if weights.sum() > 0 else float("nan")
        busy = float(np.average(made.occupancy[:, at], weights=np.maximum(made.there[:, at], 1e-9)))
        table.add_row(
            iso(starts_us[at], zone)[:16].replace("T", " "), f"{whole_day[at]:.1f}", f"{made.needed[:, at].sum():,}", f"{made.there[:, at].sum():,}",
            f"{made.rostered[:, at].sum():,}", "—" if level != level else f"{level:.1%}", f"{busy:.1%}", f"{made.cost[:, at].sum():,.0f}",
            *(f"{of[:, at].sum():,.0f}" for _, of in costs),
        )  # fmt: skip
    Console(width=110).print(table)
    more = f"; the first {_SHOWN} of {len(starts_us)} intervals are shown" if len(starts_us) > _SHOWN else ""
    click.echo(
        f"{len(names)} queues, {whole_day.sum():,.0f} contacts, most needed at once {made.needed.sum(axis=0).max():,}, "
        f"full-time {made.full_time.sum():,}, cost {made.cost.sum():,.0f}"
        + "".join(f", {told} {of.sum():,.0f}" for told, of in costs)
        + more
    )


def _write_csv(out: Path, made: Plan, names: list[tuple[str, ...]], starts_us: list[int], zone: ZoneInfo) -> None:
    columns = made.columns()
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["queue", "interval_start", *columns])
        for row, name in enumerate(names):
            for at, start_us in enumerate(starts_us):
                values = (values[row, at].item() for values in columns.values())
                writer.writerow([",".join(name), iso(start_us, zone), *(round(value, 6) for value in values)])


def _write_svg(out: Path, made: Plan, names: list[tuple[str, ...]], starts_us: list[int], zone: ZoneInfo) -> None:
    """People there, and arrivals behind them, of all queues."""
    labels = [iso(start, zone)[5:16].replace("T", " ") for start in starts_us]
    there, needed_ = (values.sum(axis=0).astype(np.float64) for values in (made.there, made.needed))
    drawn = lines(there, needed_, labels, lambda value: f"{value:,.0f}", title="people there, and needed (dotted)")
    style = STYLE.replace("</", "<\\/")
    out.write_text(
        drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
            ">", f"><style>{style}</style>", 1
        ),
        "utf-8",
    )


@capacity.command()
@click.argument("events", nargs=-1, metavar="[FILE…]", type=click.Path(path_type=Path, exists=True))
@history_option
@click.option(
    "--within", type=Duration(), default="20s", show_default=True, help="What the service level is measured at."
)
@click.option("--at-least", type=int, default=20, show_default=True, help="Contacts of a half hour that is judged.")
@click.option("--zone", type=Zone(), default="Asia/Shanghai", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every half hour as CSV here.")
@policy_option
@event_option
@click.option(
    "--simulate", "seeds", metavar="SEED[,…]", help="Instead: the early warning, on simulated days of these seeds."
)
@click.option(
    "--hours", type=click.IntRange(2, 24), default=15, show_default=True, help="Of each simulated day, from 07:00 on."
)
@click.option(
    "--agents", type=click.IntRange(10, 4_000), default=80, show_default=True, help="Of the simulated centre."
)
@click.option(
    "--troubles",
    type=click.IntRange(0, 50),
    default=5,
    show_default=True,
    help="Of a simulated day; see floorwatch simulate.",
)
@click.option(
    "--weeks", type=click.IntRange(0, 8), default=0, show_default=True, help="Of history before each simulated day."
)
def check(
    events: tuple[Path, ...], history_url: str | None, within: int, at_least: int, zone: ZoneInfo, out: Path | None,
    policy_path: Path | None, named: tuple[Named, ...], seeds: str | None, hours: int, agents: int, troubles: int, weeks: int,
) -> None:  # fmt: skip
    """What the models would have said against what happened, from the history. Recorded events in FILE tell who was there, where agents report no states."""
    if seeds is not None:
        if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", seeds):
            raise click.UsageError(f"{seeds!r} are no seeds; write them like 1,2,3")
        warn_of(list(map(int, seeds.split(","))), hours, agents, troubles, weeks)
        return
    policy = read_policy(policy_path) if policy_path else None
    store = Store(store_url(history_url))
    if store.span("total") is None:
        raise click.ClickException("The history holds nothing yet.")
    queue, _ = whole(store)
    patience, handle = queue.patience_s, queue.handle_s
    click.echo(
        f"handle time {handle.value[0]:.0f} s ({handle.low[0]:.0f} to {handle.high[0]:.0f}); patience {patience.value[0]:.0f} s "
        f"({patience.low[0]:.0f} to {patience.high[0]:.0f}), from {int(patience.sample[0]):,} who left and all waits of those who did not"
    )
    found = compared(
        store,
        within_s=within / 1e6,
        patience_s=float(patience.value[0]),
        at_least=at_least,
        formula="answered_of_ended",
        events=events,
    )
    if len(found.said):
        error, wait = found.said - found.was, found.said_wait_s - found.was_wait_s
        click.echo(
            f"{len(error):,} half hours: service level off by {np.abs(error).mean() * 100:.1f} points on average (bias {error.mean() * 100:+.1f}, "
            f"half of them within {np.median(np.abs(error)) * 100:.1f}); mean wait {found.was_wait_s.mean():.1f} s, off by {np.abs(wait).mean():.1f} s (bias {wait.mean():+.1f})"
        )
    known = counts_by_day(store, "total", zone)
    midnights = known.midnights_us
    tested = back_test(midnights, known.total, zone, named_days(midnights, zone, named, policy))
    if tested.days:
        verdict = "better" if tested.ours < tested.naive else "no better"
        click.echo(
            f"forecast of {tested.days} days, each from those before: off by {tested.ours:.1%} of what came, the same a week before by {tested.naive:.1%}: "
            f"{verdict}; {tested.within:.1%} within the bounds of 95%"
        )
    else:
        click.echo("forecast: fewer than eight whole days are kept, so nothing can be compared yet")
    if out:
        found.write(out, zone)
    store.close()
