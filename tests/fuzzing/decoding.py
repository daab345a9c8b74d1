"""The laws of the decoder under arbitrary bytes, and of the engine that absorbs whatever was accepted.

Never catches what it provokes: an exception is a finding.
"""

import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from engine.events import Decoded, Reject, decode
from engine.pipeline import Engine, Settings
from engine.times import EARLIEST_US, LATEST_US
from tests.engine.running import counted, said
from tests.engine.test_scanning import _strictly, _told
from tests.fuzzing.hostile import CANARY, body, lines
from tests.histories import SETTINGS

__all__ = ["REASONS", "assert_rejects_lawful", "attack_decoder", "numbered_lines"]

REASONS = frozenset((
    "invalid_json", "invalid_utf8", "line_too_long", "wrong_type", "missing_field", "name_too_long", "unknown_state",
    "unknown_value", "unknown_type", "out_of_range", "control_character", "invalid_time", "time_too_early", "time_too_late",
    "time_in_future",
))  # fmt: skip
DETAIL_CHARACTERS_MAX = 160


def attack_decoder(dice: random.Random, happened: Counter[str]) -> None:
    """Some bodies through the decoder, whole and cut, and into an engine that is stopped and restored in between."""
    settings = replace(dice.choice((SETTINGS, Settings())), batch_rows=dice.choice((1, 64, 32_768)))
    whole, stopped = Engine(settings), Engine(settings)
    for _ in range(dice.randint(2, 4)):
        data = body(dice) if dice.random() < 0.7 else lines(dice)
        source = dice.choice("st")
        decoded = decode(data, source=source, first_line=7)
        _assert_lawful(data, decoded)
        parts = _assert_cutting_changes_nothing(dice, data, source, decoded)
        happened["lines"] += len(numbered_lines(data))
        happened["accepted"] += decoded.count
        happened.update(f"rejected as {reject.reason}" for reject in decoded.rejects)
        whole.absorb(decoded)
        for part in parts:
            stopped.absorb(part)
        if dice.random() < 0.3:
            stopped = Engine.restore(stopped.snapshot(), settings)
            happened["restores"] += 1
    for engine in (whole, stopped):
        engine.now()
        engine.finish()
        engine.verify()
    assert counted(whole) == counted(stopped), "cutting and a restart changed what became of the events"
    assert said(whole) == said(stopped), "cutting and a restart changed a figure"


def numbered_lines(data: bytes) -> dict[int, bytes]:
    """The lines that are not blank, by their number from 1."""
    return {number: line for number, line in enumerate(data.split(b"\n"), 1) if line.strip(b" \t\r")}


def assert_rejects_lawful(rejects: list[Reject]) -> None:
    """Known reasons, and short details that hold nothing a customer said and nothing that could break a terminal."""
    for reject in rejects:
        assert reject.reason in REASONS, f"{reject.reason!r} is no known reason"
        assert CANARY not in reject.detail, f"line {reject.line}: the detail says what the customer said"
        assert len(reject.detail) <= DETAIL_CHARACTERS_MAX, (
            f"line {reject.line}: the detail is {len(reject.detail)} long"
        )
        assert reject.detail.isprintable(), f"line {reject.line}: {reject.detail!r} holds control characters"


def _assert_lawful(data: bytes, decoded: Decoded) -> None:
    assert_rejects_lawful(decoded.rejects)
    rejected = [reject.line - 6 for reject in decoded.rejects]
    known = numbered_lines(data)
    assert rejected == sorted(set(rejected)), "rejects are out of order, or one line was rejected twice"
    assert set(rejected) <= known.keys(), "a line was rejected that is blank or does not exist"
    assert decoded.count + len(rejected) == len(known), (
        f"{decoded.count} + {len(rejected)} are not the {len(known)} lines"
    )
    assert ((decoded.times_us >= EARLIEST_US) & (decoded.times_us < LATEST_US)).all(), (
        "a time is out of the format's range"
    )
    strict = _strictly(data)
    assert _told(decoded) == _told(strict), "plain and strict reading differ in what they accept"
    assert [(r.line - 6, r.reason, r.detail) for r in decoded.rejects] == [
        (r.line, r.reason, r.detail) for r in strict.rejects
    ], "plain and strict reading differ in what they refuse"


def _assert_cutting_changes_nothing(dice: random.Random, data: bytes, source: str, whole: Decoded) -> list[Decoded]:
    every = data.split(b"\n")
    cuts = sorted({0, len(every), *(dice.randrange(len(every) + 1) for _ in range(dice.randrange(4)))})
    parts = [
        decode(b"\n".join(every[start:end]), source=source, first_line=7 + start, vocabulary=whole.vocabulary)
        for start, end in pairwise(cuts)
    ]
    assert [row for part in parts for row in _told(part)] == _told(whole), f"cut at {cuts}, other rows were accepted"
    assert [reject for part in parts for reject in part.rejects] == whole.rejects, (
        f"cut at {cuts}, other lines were refused"
    )
    return parts
