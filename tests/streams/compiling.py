"""Warms up and then serves a simulated centre, by two policies and over a restart; prints how many functions were compiled for that, and which
only later. A program: in the process of the tests, others have compiled before.
"""

import importlib
import pkgutil

from numba.core.registry import CPUDispatcher

import engine
from engine.events import Vocabulary, decode
from engine.exported import exported
from engine.history import history
from engine.people import people
from engine.pipeline import Engine
from streams.figures import live_settings
from streams.policy.reading import default_policy, parse_policy
from streams.simulate import preset, records
from streams.warming import warm

BEGIN_MS, LATER_MS = 1_767_247_200_000, 1_767_249_000_000
TICK_MS = 5_000
POLICY = b"""\
zone: Asia/Shanghai
hours:
  desk: {week: {mon-fri: 09:00-18:00}}
measures:
  - first_human_reply
  - {name: mail_reply, unit: turn, start: unanswered, within: 2h, hours: desk, judged_by: elapsed, unanswered: elapsed, channel: email}
conditions:
  depth: {measure: waiting, above: 2, clear: 1, by: queue, window: 1m, for: 1m}
  surge: {measure: offered, as: times_usual, above: 1.5, usual_least: 1, by: queue, window: 30m, step: 5m}
"""


def compiled() -> set[tuple[str, str, str]]:
    """What the engine has as machine code: module, function, types."""
    modules = [importlib.import_module(f"engine.{found.name}") for found in pkgutil.iter_modules(engine.__path__)]
    return {
        (part.py_func.__module__, name, str(signature))
        for module in modules
        for name, part in vars(module).items()
        if isinstance(part, CPUDispatcher)
        for signature in part.signatures
    }


def serve(served: Engine, begin_ms: int, seed: int) -> None:
    """Four minutes, ticks and readers included."""
    vocabulary, lines, end_ms = Vocabulary(served.secret), [], begin_ms
    for at_ms, line in records(preset("centre", begin_ms, agents=60, duration_s=240), seed):
        if at_ms >= end_ms + TICK_MS:
            served.absorb(decode(b"".join(lines), source="test", vocabulary=vocabulary))
            served.advance(at_ms * 1_000 - served.settings.disorder_bound_us)
            served.take_alarms()
            lines, end_ms = [], at_ms
        lines.append(line)
    served.now()
    exported(served, 10)
    people(served, 100)
    history(served, "queue", 60_000_000, 10, 0, None)


def main() -> None:
    warm(print)
    before = compiled()
    for policy in (default_policy(), parse_policy(POLICY, "policy.yaml")):
        settings = live_settings(policy, 500_000)
        first = Engine(settings)
        serve(first, BEGIN_MS, 1)
        first.adopt(policy)
        serve(Engine.restore(first.snapshot(), settings), LATER_MS, 2)
    print(len(before), sorted(compiled() - before))


if __name__ == "__main__":
    main()
