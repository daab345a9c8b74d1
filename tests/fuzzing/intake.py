"""The laws of the HTTP intake under hostile requests, and of the journal and engine behind it.

Judges answers by what is known of the request and by the journal, never by asking the gateway.
"""

import json
import random
import tracemalloc
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from engine.events import Details, Event, Reject, decode
from engine.pipeline import Engine
from streams.intake import pieces
from streams.journal import Batch, Journal
from tests.engine.running import counted, said
from tests.fuzzing.decoding import assert_rejects_lawful, numbered_lines
from tests.fuzzing.hostile import CANARY, INFLATED_BYTES_MAX, Request, request
from tests.fuzzing.site import ENGINE, Answer, Site, open_site

__all__ = ["attack_intake"]

#: Every status that the intake may answer with; what the guard refuses tells of no lines.
BY_GATEWAY = frozenset((200, 400, 408, 413, 415, 429, 503))
BY_GUARD = frozenset((401, 403, 421))
#: What a bomb may cost: the output is gathered in parts and then joined.
BOMB_BYTES_MAX = 2 * INFLATED_BYTES_MAX + (1 << 20)
_FIELDS = {*Event.__struct_fields__, *Details.__struct_fields__}
_BOM = b"\xef\xbb\xbf"
#: Numbers stay as they are written, however long.
_JSON = json.JSONDecoder(parse_int=str, parse_float=str)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def attack_intake(dice: random.Random, folder: Path, happened: Counter[str]) -> None:
    """Some requests to a service of its own, which is then stopped, looked into, restored and replayed."""
    accepted: Counter[str] = Counter()
    with open_site(folder, token=dice.choice((None, None, "a-token-of-good-length"))) as site:
        for number in range(dice.randint(2, 4)):
            asked = request(dice, source=f"s{number}")
            answer = _posted(site, asked)
            happened[f"answered {answer.status}"] += 1
            happened["bombs"] += asked.is_bomb
            _assert_answer(site, asked, answer, accepted)
    assert site.embedded.failure is None, f"the engine's thread died: {site.embedded.failure!r}"
    assert site.embedded.backlog() == (0, 0), "a batch was forgotten on its way"
    _assert_outlives(site, accepted["events"])
    happened["stored"] += accepted["events"]


def _posted(site: Site, asked: Request) -> Answer:
    if not asked.is_bomb:
        return site.post(asked)
    tracemalloc.start()
    try:
        answer = site.post(asked)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status == 413, f"a bomb was answered {answer.status}"
    assert peak <= BOMB_BYTES_MAX, f"a bomb cost {peak:,} bytes"
    return answer


def _assert_answer(site: Site, asked: Request, answer: Answer, accepted: Counter[str]) -> None:
    """The answer is of the contract, adds up, gives nothing away, and the journal says the same."""
    said_ = answer.said
    assert answer.status in BY_GATEWAY | BY_GUARD, f"answered {answer.status}: {answer.body[:200]!r}"
    assert CANARY.encode() not in answer.body, "the answer says what the customer said"
    if answer.status in BY_GUARD:
        assert not {"accepted", "rejected"} & set(said_)
        count, rejected = 0, 0
    else:
        count, rejected = said_["accepted"], said_["rejected_count"]
        assert len(said_["rejected"]) == rejected, "not every rejected line is listed"
        assert_rejects_lawful([Reject("", r["line"], r["reason"], r["detail"]) for r in said_["rejected"]])
    assert (answer.status == 200) == (count > 0), f"answered {answer.status} with {count} accepted"
    if answer.status not in (200, 400):
        assert rejected == 0, f"answered {answer.status} and yet counted rejects"
    batches = list(site.journal.batches_behind(accepted["batches"]))
    assert [batch.lines for batch in batches] == ([count] if count else []), (
        "the journal holds other lines than it was told"
    )
    accepted.update(events=count, batches=len(batches), rejected=rejected)
    assert sum(site.journal.reject_totals().values()) == accepted["rejected"], "the journal counts other rejects"
    if asked.is_honest and asked.truth is not None:
        _assert_counted_once(asked.truth, answer, count, said_["rejected"], batches)


def _assert_counted_once(
    truth: bytes, answer: Answer, count: int, rejects: list[dict[str, Any]], batches: list[Batch]
) -> None:
    """Each line of an honest request is accepted or rejected, once, and the accepted ones are what is stored."""
    assert answer.status in (200, 400), f"an honest request was answered {answer.status}"
    known = numbered_lines(truth.removeprefix(_BOM))
    other = _other_readings(truth.removeprefix(_BOM))
    assert count + len(rejects) in {len(known), *other}, (
        f"{count} + {len(rejects)} are not {len(known)} lines, nor {other}"
    )
    refused = [reject["line"] for reject in rejects]
    assert len(set(refused)) == len(refused), "a line was rejected twice"
    stored = [line for batch in batches for line in batch.body.split(b"\n") if line.strip(b" \t\r")]
    assert len(stored) == count, f"{len(stored)} lines are stored, {count} were accepted"
    if not other:
        assert set(refused) <= known.keys(), "a line was rejected that is blank or does not exist"
        kept = [line for number, line in known.items() if number not in set(refused)]
        for sent, found in zip(kept, stored, strict=True):
            assert found == sent if _is_free(sent) else _is_scrubbed(sent, found), (
                f"{sent[:300]!r} is stored as {found[:300]!r}"
            )
        wrong = {reject.line: reject.reason for reject in decode(truth.removeprefix(_BOM)).rejects}
        for reject in rejects:
            if _is_free(known[reject["line"]]) and reject["reason"] != "time_in_future":
                assert wrong.get(reject["line"]) == reject["reason"], f"{reject} is not what the decoder says"


def _other_readings(text: bytes) -> set[int]:
    """How many events a body may also be taken to hold, beside one a line: as one array, or as objects over several lines."""
    start = text.lstrip()[:1]
    if start == b"[":
        return _items(text)
    if start == b"{" and _values(text.lstrip().split(b"\n", 1)[0]) != {1}:
        return _values(text)
    return set()


def _items(text: bytes) -> set[int]:
    """The number of items of a JSON array, by a reader that looks into them and by one that does not."""
    counts = set()
    for read in (lambda: _JSON.decode(text.decode()), lambda: _ARRAY.decode(text)):
        with suppress(ValueError, RecursionError):
            counts.add(len(read()))
    return counts


def _values(text: bytes) -> set[int]:
    """The number of JSON values one after the other in a text, none where it is not made of such."""
    try:
        whole = text.decode()
        count, place = 0, len(whole) - len(whole.lstrip())
        while place < len(whole):
            _, place = _JSON.raw_decode(whole, place)
            place += len(whole[place:]) - len(whole[place:].lstrip(" \t\r\n"))
            count += 1
        return {count}
    except (ValueError, RecursionError):
        return set()


def _is_free(line: bytes) -> bool:
    """Holds neither words nor identity of a customer, however it is spelt, and no field that is none of the format's."""
    if b'"text"' in line or b'"customer"' in line or b"\\u" in line:
        return False
    try:
        event = _JSON.decode(line.decode())
    except (ValueError, RecursionError):
        return (
            b'":' not in line
        )  # Two readers may differ on what is hardly JSON: then neither way of storing it is wrong.
    return not isinstance(event, dict) or event.keys() <= _FIELDS


def _is_scrubbed(sent: bytes, found: bytes) -> bool:
    """The same event without the text and foreign fields, and with another customer."""
    # Bytes that are not UTF-8 go with the words they stand in.
    before, after = (_JSON.decode(line.decode("utf-8", "replace")) for line in (sent, found))
    if not after.keys() <= _FIELDS or CANARY in str(after.get("customer")):
        return False
    for event in (before, after):
        for name in {"customer", "negative"} | event.keys() - _FIELDS:
            event.pop(name, None)
    return str(before) == str(after)


def _assert_outlives(site: Site, events: int) -> None:
    """The snapshot written at the stop restores to the very figures that the journal replays to."""
    journal = Journal(site.journal.path)
    try:
        batches, snapshots = list(journal.batches_behind(0)), list(journal.snapshots())
    finally:
        journal.close()
    replayed = Engine(ENGINE)
    for batch in batches:
        for piece in pieces(batch.body):
            decoded = decode(piece, source=batch.source)
            assert not decoded.rejects, f"a stored line is refused in the replay: {decoded.rejects[0]}"
            replayed.absorb(decoded)
    assert replayed.counters.events == events, f"{replayed.counters.events} events replay, {events} were accepted"
    if not snapshots:
        assert not events, "nothing was saved at the stop"
        return
    restored = Engine.restore(snapshots[0].engine, ENGINE)
    for engine in (restored, replayed):
        engine.finish()
        engine.verify()
    assert counted(restored) == counted(replayed), "the replay counts other events than were lived"
    lived, again = said(restored), said(replayed)
    # Those that were told are not in the snapshot any more, and those that were not told yet are.
    assert sorted(site.alarms.told | set(lived.pop("alarms"))) == again.pop("alarms"), "the replay raises other alarms"
    assert lived == again, "the replay says other figures than were lived"
