"""Hostile recordings: each bad line costs itself only, under its own reason, with its file and its number."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from engine.events import LINE_BYTES_MAX
from streams.reading import Recording
from tests.streams.replaying import Outcome, replay, replay_command


def event(number: int, **changed: object) -> bytes:
    """A good line: contact `c<number>` opened at that second of 2 May 2025."""
    time = f"2025-05-02T09:{number // 60:02}:{number % 60:02}Z"
    return json.dumps({"type": "contact.opened", "time": time, "contact": f"c{number}"} | changed).encode() + b"\n"


#: A bad line, and the reason it must be counted under.
BAD_LINES = {
    "bytes that are not UTF-8": (b'{"type":"contact.opened","time":0,"contact":"\xff\xfe"}\n', "invalid_utf8"),
    "a line of 10 MB": (event(1, text="x" * 10_000_000), "line_too_long"),
    "a line of 10 MB without an end": (event(1, text="x" * 10_000_000)[:-2], "line_too_long"),
    "a number where a string belongs": (event(1, contact=17), "wrong_type"),
    "a string where a number belongs": (event(1, type="agent.state", agent="a", state="busy", slots="3"), "wrong_type"),
    "a time in the year 1": (event(1, time="0001-01-01T00:00:00Z"), "time_too_early"),
    "a time in the year 9999": (event(1, time="9999-12-31T23:59:59Z"), "time_too_late"),
    "milliseconds far from here": (event(1, time=10**18), "time_too_late"),
    "a time that is none": (event(1, time="yesterday"), "invalid_time"),
    "a time without an offset": (event(1, time="2025-05-02T09:00:00"), "invalid_time"),
    "a type that the format does not have": (event(1, type="contact.beamed"), "unknown_type"),
    "a name with control characters": (event(1, contact="a\x1b[2Jb"), "control_character"),
    "a queue with a line break": (event(1, queue="a\nb"), "control_character"),
    "a name of a thousand characters": (event(1, contact="n" * 1_000), "name_too_long"),
    "no contact": (b'{"type":"contact.opened","time":0}\n', "missing_field"),
    "no type": (b'{"time":0,"contact":"c"}\n', "missing_field"),
    "half an event": (event(1)[:40] + b"\n", "invalid_json"),
    "no JSON at all": (b"GET / HTTP/1.1\n", "invalid_json"),
    "an array": (b"[" + event(1)[:-1] + b"]\n", "wrong_type"),
    "brackets without end": (b'{"extra":' + b"[" * 100_000 + b"\n", "invalid_json"),
    "a rating of nine stars": (event(1, type="contact.rated", csat=9), "out_of_range"),
    "a state that does not exist": (event(1, type="agent.state", agent="a", state="asleep"), "unknown_state"),
}


def written(folder: Path, *parts: bytes, name: str = "events.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join(parts))
    return path


def places(got: Outcome, folder: Path) -> list[tuple[str, int, str]]:
    """File, line and reason of every reject that `--rejects` wrote."""
    lines = (folder / "rejects.jsonl").read_text("utf-8").splitlines()
    return [(Path(found["source"]).name, found["line"], found["reason"]) for found in map(json.loads, lines)]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_counted_under_its_own_reason_and_the_rest_goes_on(
    line: bytes, reason: str, tmp_path: Path
) -> None:
    rest = event(3) if line.endswith(b"\n") else b""
    path = written(tmp_path, event(0), b"\n", line, rest)
    got = replay(tmp_path, path, "--rejects", "rejects.jsonl")
    assert got.code == 0
    assert got.summary["rejected"] == {reason: 1}
    assert got.summary["offered"] == got.summary["events"] == (2 if rest else 1)
    assert places(got, tmp_path) == [("events.jsonl", 3, reason)]
    assert f"rejected 1 × {reason}: {path}:3" in got.complained


def test_strict_fails_at_the_first_bad_line_and_names_it(tmp_path: Path) -> None:
    path = written(tmp_path, event(0), event(1), event(2, type="contact.beamed"), event(3))
    got = replay_command(tmp_path, path, "--strict")
    assert (got.code, got.rows) == (1, [])
    assert got.complained.startswith(f"Error: {path}:3: unknown_type (contact.beamed ")
    assert len(got.complained.splitlines()) == 1
    assert replay(tmp_path, written(tmp_path, event(0), event(1)), "--strict").code == 0


@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
def test_a_gzip_that_ends_too_early_gives_what_can_be_read_of_it(strict: bool, tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(event(number) for number in range(2_000)), mtime=0)
    path = written(tmp_path, whole[:-2_000], name="cut.jsonl.gz")
    got = replay(tmp_path, path, "--rejects", "rejects.jsonl", *(["--strict"] if strict else []))
    if strict:
        assert got.code == 1
        assert "truncated_gzip" in got.complained
        return
    assert got.code == 0
    assert got.summary["rejected"] == {"truncated_gzip": 1}
    assert 500 < got.summary["offered"] < 2_000
    assert places(got, tmp_path) == [("cut.jsonl.gz", got.summary["offered"] + 1, "truncated_gzip")]


def test_a_gzip_that_is_damaged_or_followed_by_rubbish_is_corrupt(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(event(number) for number in range(2_000)), mtime=0)
    middle = len(whole) // 2
    damaged = written(tmp_path, whole[:middle], b"\xff" * 64, whole[middle + 64 :], name="damaged.gz")
    followed = written(tmp_path, whole, b"and so on", name="followed.gz")
    padded = written(tmp_path, whole, bytes(1_000), name="padded.gz")
    assert replay(tmp_path, damaged).summary["rejected"] == {"corrupt_gzip": 1}
    got = replay(tmp_path, followed).summary
    assert (got["offered"], got["rejected"]) == (2_000, {"corrupt_gzip": 1})
    got = replay(tmp_path, padded).summary
    assert (got["offered"], got["rejected"]) == (2_000, {})


def test_one_bad_file_among_several_costs_the_others_nothing(tmp_path: Path) -> None:
    good = written(tmp_path, *(event(number) for number in range(0, 100, 2)), name="good.jsonl")
    bad = written(tmp_path, *(event(number) for number in range(1, 50, 2)), b"rubbish\n", name="bad.jsonl")
    cut = written(tmp_path, gzip.compress(event(200))[:-9], name="cut.gz")
    got = replay(tmp_path, bad, cut, good, "--rejects", "rejects.jsonl")
    assert (got.summary["offered"], got.summary["late"]) == (76, 0)
    assert sorted(places(got, tmp_path)) == [("bad.jsonl", 26, "invalid_json"), ("cut.gz", 2, "truncated_gzip")]


def test_many_bad_lines_are_counted_to_the_last_but_only_some_are_shown(tmp_path: Path) -> None:
    path = written(tmp_path, *(b"rubbish\n" if number % 3 else event(number) for number in range(300)))
    got = replay(tmp_path, path, "--rejects", "rejects.jsonl")
    assert (got.summary["offered"], got.summary["rejected"]) == (100, {"invalid_json": 200})
    assert len(places(got, tmp_path)) == 200
    assert len(got.complained) < 1_000


def test_marks_and_line_ends_of_other_systems_are_no_fault(tmp_path: Path) -> None:
    lines = b"\xef\xbb\xbf" + event(0).replace(b"\n", b"\r\n") + b"\r\n" + event(1)[:-1]
    for path in (written(tmp_path, lines), written(tmp_path, gzip.compress(lines), name="events.gz")):
        got = replay(tmp_path, path)
        assert (got.summary["offered"], got.summary["rejected"]) == (2, {})


def test_a_customers_words_and_name_are_in_nothing_that_is_written(tmp_path: Path) -> None:
    secrets = {"text": "my card is 4111", "customer": "13800138000"}
    lines = [event(0, **secrets), event(1, contact=5, **secrets), event(2, type="my card is 4111", **secrets)]
    got = replay(tmp_path, written(tmp_path, *lines, event(3, **secrets)[:-9] + b"\n"), "--rejects", "rejects.jsonl")
    assert sum(got.summary["rejected"].values()) == 3
    outputs = (tmp_path / name for name in ("report.csv", "summary.json", "rejects.jsonl"))
    everything = got.said + got.complained + "".join(path.read_text("utf-8") for path in outputs)
    assert "4111" not in everything
    assert "138001" not in everything


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
def test_a_line_that_never_ends_is_not_held_in_memory(packed: bool, tmp_path: Path) -> None:
    endless = b'{"text":"' + b"x" * (64 << 20)
    path = written(tmp_path, event(0), endless, b"\n", event(1))
    if packed:
        path = written(tmp_path, gzip.compress(path.read_bytes(), 1), name="endless.gz")
    tracemalloc.start()
    try:
        found = list(Recording(path, "endless").decoded())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * LINE_BYTES_MAX
    assert sum(part.count for part in found) == 2
    assert [(reject.line, reject.reason) for part in found for reject in part.rejects] == [(2, "line_too_long")]
