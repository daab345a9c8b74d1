"""`floorwatch simulate`: the command line of the simulated centre.

Owns options, signals, the progress display and the closing sentence. Never simulates or delivers itself.
Law: exit code 0 when everything asked for was delivered (a signal ends a run, it does not fail it), 1 when
not, 2 for wrong usage.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from streams.simulate.centre import PRESETS, SOURCES, Centre, preset
from streams.simulate.deliver import Delivery, FileSink, Sink, StreamSink, deliver
from streams.simulate.faults import Faults, Silence, Skew, apply_faults
from streams.simulate.http_sink import GaveUpError, HttpSink
from streams.simulate.model import records
from streams.simulate.options import duration_ms, factor, instant, parsed, silence, skew
from streams.simulate.pace import Pace, Stop

__all__ = ["simulate"]

TOKEN_VARIABLE = "FLOORWATCH_TOKEN"  # noqa: S105  the name of the variable, not a token
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SILENCE_HELP = f"SOURCE@OFFSET+LENGTH[:lost]; the sources are {', '.join(SOURCES)}."


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("--preset", "name", type=click.Choice(list(PRESETS)), default="centre", show_default=True)
@click.option("--agents", type=int, help="People online at the busiest hour, instead of the preset's.")
@click.option("--start", metavar="RFC3339", callback=parsed(instant), help="Default: the duration before now.")
@click.option("--duration", metavar="TIME", callback=parsed(duration_ms), help="Default 1h; live without end.")
@click.option("--zone", help="The day's curve follows this zone.  [default: Asia/Shanghai]")
@click.option("-o", "--output", help="FILE.jsonl, FILE.jsonl.gz or - for standard output (default).")
@click.option("--to", "address", help="POST to a running service, such as http://127.0.0.1:8080.")
@click.option("--rate", type=float, help="Events a second, whatever their times.")
@click.option("--speed", metavar="FACTOR", callback=parsed(factor), help="Of event time, such as 60x or 1x.")
@click.option("--live", is_flag=True, help="Begin now and follow the clock.")
@click.option("--prefill", metavar="TIME", callback=parsed(duration_ms), help="With --live: first the past.")
@click.option("--duplicates", type=float, default=0.0, help="Share of lines that come twice, such as 0.01.")
@click.option("--disorder", metavar="TIME", default="0s", callback=parsed(duration_ms), help="Such as 2s.")
@click.option("--silence", "silences", multiple=True, callback=parsed(silence), help=SILENCE_HELP)
@click.option("--bad-lines", type=float, default=0.0, help="Share of rubbish put in between, such as 0.001.")
@click.option("--troubles", type=int, default=0, help="So many a day: surges, and people called away.")
@click.option("--skew", "skewed", callback=parsed(skew), help="A wrong clock: [SOURCE=]TIME, such as web=-2s.")
@click.option("--give-up-after", metavar="TIME", default="5m", show_default=True, callback=parsed(duration_ms))
def simulate(
    seed: int,
    name: str,
    agents: int | None,
    start: datetime | None,
    duration: int | None,
    zone: str | None,
    output: str | None,
    address: str | None,
    rate: float | None,
    speed: float | None,
    live: bool,
    prefill: int | None,
    duplicates: float,
    disorder: int,
    silences: tuple[Silence, ...],
    bad_lines: float,
    troubles: int,
    skewed: Skew | None,
    give_up_after: int,
) -> None:
    """Simulate a service centre and write its events.

    The same seed, options and start give the same bytes. Faults are laid over the events on request.
    """
    if live and start is not None:
        raise click.UsageError("--live begins now; leave --start away.")
    if prefill is not None and not live:
        raise click.UsageError("--prefill belongs to --live.")
    if address and output:
        raise click.UsageError("Choose one of -o and --to.")
    try:
        begin_ms = _begin_ms(start, duration, live, prefill)
        length_ms = None if live and duration is None else (duration or HOUR_MS) + (prefill or 0)
        if duration == 0:
            raise ValueError("The duration must be longer than nothing.")
        length_s = None if length_ms is None else length_ms / 1000
        centre = preset(name, begin_ms, agents=agents, duration_s=length_s, zone=zone, troubles=troubles)
        faults = Faults(
            duplicates=duplicates,
            disorder_ms=disorder,
            bad_lines=bad_lines,
            silences=silences,
            skew=skewed,
        )
        pace = Pace(rate=rate, speed=speed, live=live)
        sink = _sink(output, address, give_up_after)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    except OSError as trouble:
        raise click.ClickException(f"Cannot write {output}: {trouble.strerror}.") from None
    _run(centre, seed, faults, pace, sink)


def _begin_ms(start: datetime | None, duration: int | None, live: bool, prefill: int | None) -> int:
    now_ms = int(time.time() * 1000)
    if live:
        return now_ms - (prefill or 0)
    if start is not None:
        return int(start.timestamp()) * 1000 + start.microsecond // 1000
    return (now_ms - (duration or HOUR_MS)) // MINUTE_MS * MINUTE_MS


def _sink(output: str | None, address: str | None, give_up_after_ms: int) -> Sink:
    if address:
        return HttpSink(address, os.environ.get(TOKEN_VARIABLE, "").strip(), give_up_after_ms / 1000)
    if output in (None, "-"):
        return StreamSink()
    if not str(output).endswith((".jsonl", ".jsonl.gz")):
        raise ValueError(f"The file {output!r} should end in .jsonl or .jsonl.gz.")
    return FileSink(Path(str(output)))


def _run(centre: Centre, seed: int, faults: Faults, pace: Pace, sink: Sink) -> None:
    done, begun_s = Delivery(), time.monotonic()
    with _stop_on_signal() as stop:
        lines = apply_faults(records(centre, seed), faults, seed, centre.start_ms)
        try:
            deliver(_watched(lines, centre, done, sink), sink, pace, stop, done)
            sink.close()
        except GaveUpError as end:
            _conclude(done, sink, begun_s)
            raise click.ClickException(str(end)) from None
        except BrokenPipeError:
            # The reader has what it wanted; Python's own flush at exit must not complain again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        except OSError as trouble:
            raise click.ClickException(f"Writing failed: {trouble.strerror or trouble}.") from None
    _conclude(done, sink, begun_s)
    if isinstance(sink, HttpSink) and sink.tally.given_up:
        raise click.ClickException("Not every event was delivered.")


def _conclude(done: Delivery, sink: Sink, begun_s: float) -> None:
    seconds = max(time.monotonic() - begun_s, 1e-9)
    if isinstance(sink, HttpSink):
        tally = sink.tally
        outcome = (
            f"{tally.delivered:,} events delivered, {tally.rejected:,} rejected, "
            f"{tally.given_up:,} given up, {tally.retries:,} requests retried"
        )
    else:
        outcome = f"{done.lines:,} lines written"
    click.echo(f"{outcome} in {seconds:.1f} s ({done.lines / seconds:,.0f} a second).", err=True)


@contextmanager
def _stop_on_signal() -> Iterator[Stop]:
    """A stop that SIGINT and SIGTERM set; the second of them ends the process as usual."""
    stop = Stop()
    before: dict[signal.Signals, object] = {}

    def halt(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, halt)
    except ValueError:
        pass  # not in the main thread: signals belong to somebody else
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def _watched(
    lines: Iterator[tuple[int, bytes]], centre: Centre, done: Delivery, sink: Sink
) -> Iterator[tuple[int, bytes]]:
    """The lines, with progress on standard error when a person is looking and the lines go elsewhere."""
    console = Console(stderr=True)
    if isinstance(sink, StreamSink) or not console.is_terminal:
        yield from lines
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("simulating", total=centre.duration_ms)
        for count, record in enumerate(lines):
            if count & 1023 == 0:
                local = datetime.fromtimestamp(record[0] / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
                progress.update(
                    task, completed=record[0] - centre.start_ms, description=f"{local}  {done.lines:,} events"
                )
            yield record
