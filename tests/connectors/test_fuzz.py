"""Arbitrary and mutated bytes: nothing but events that the format takes, or counted reasons; any split of the bytes is the same."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from streams.connectors.base import URL, Connector
from streams.connectors.frames import Blocks, Frame, Frames, Json, Lines, Rows, Whole
from streams.connectors.mapping import read_mapping
from streams.connectors.record import REASONS, Options
from streams.connectors.registry import CONNECTORS, connector_named
from streams.connectors.signatures import REASONS as SIGNATURE_REASONS
from streams.connectors.signatures import SCHEMES
from tests.connectors import test_amazon_connect, test_chatwoot, test_cloudevents, test_queue_log
from tests.connectors.samples import AMI, QIYU, TASKS, TWILIO, ZAMMAD, ZENDESK
from tests.connectors.telling import as_lines, told

MAPPING = "contact: a\nfields: {queue: b}\nsteps:\n  contact.queued: {at: c}\n  contact.answered: {after: contact.queued, lasting: d}\n"
SAMPLES = {
    "chatwoot": as_lines(*test_chatwoot.STORY), "queue_log": test_queue_log.CALL, "ami": AMI, "twilio": TWILIO,
    "amazon_connect": as_lines(*test_amazon_connect.STORY, test_amazon_connect.agent()), "zammad": as_lines(*ZAMMAD),
    "zendesk": as_lines(*ZENDESK), "qiyu": as_lines(*QIYU), "table": b"a,b,c,d\n1,q,2026-01-01T00:00:00Z,5\n2,\"q\n\",7,0:05\n",
    "cloudevents": as_lines(*test_cloudevents.STORY), "events": as_lines({"type": "contact.opened", "time": 0, "contact": "c"}),
}  # fmt: skip
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
#: What breaks parsers: halves of characters, ends of numbers, quotes, brackets, other types.
SPICES = [b"", b"\x00", b"\xff\xfe", b'"', b"{", b"}", b"[", b"]", b"null", b"-1", b"1e999", b"9" * 40, b"\\ud800", b"|", b"\n", b"\r\n\r\n", b"=&%",
          b'"\\u0000"', b"true", b"\xe2\x80\xa8", b"A" * 400, b":", b"NaN", b"0"]  # fmt: skip


def fresh(name: str, folder: Path) -> Connector:
    own: dict[str, Any] = {}
    if name == "table":
        path = folder / "mapping.yaml"
        path.write_text(MAPPING)
        own = {"mapping": read_mapping(path)}
    return connector_named(name, Options(prefix="p-", constants={"tenant": "shop-7"}), own)


@st.composite
def mutated(draw: st.DrawFn, sample: bytes) -> bytes:
    """The sample with pieces cut, doubled, exchanged and spiced."""
    data = sample
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, max(0, len(data) - 1)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        data = data[:start] + draw(st.sampled_from([*SPICES, data[start:end] * 2])) + data[end:]
    return data


def test_every_connector_is_fuzzed() -> None:
    assert set(SAMPLES) == set(CONNECTORS)


@pytest.mark.parametrize("name", CONNECTORS)
def test_mutated_and_arbitrary_bytes_give_events_of_the_format_or_a_reason(name: str, tmp_path: Path) -> None:
    @QUICK
    @given(data=mutated(SAMPLES[name]) | st.binary(max_size=400))
    @example(data=SAMPLES[name])
    @example(data=b"\xef\xbb\xbf" + SAMPLES[name])
    @example(data=SAMPLES[name].replace(b'"', b"").replace(b":", b""))
    def tell(data: bytes) -> None:
        for record in told(
            fresh(name, tmp_path), data, {URL: "https://x/?eventType=MSG"} if name == "qiyu" else {}, 10**15
        ):
            assert record.reason == "" or record.reason in REASONS

    tell()


@pytest.mark.parametrize(
    "name", sorted({"chatwoot", "amazon_connect", "zammad", "zendesk", "qiyu", "twilio", "cloudevents"})
)
def test_any_value_anywhere_in_a_payload_breaks_nothing(name: str, tmp_path: Path) -> None:
    payloads = TASKS if name == "twilio" else [json.loads(line) for line in SAMPLES[name].splitlines()]
    values = (
        st.none()
        | st.booleans()
        | st.integers(-(10**20), 10**20)
        | st.floats()
        | st.text(max_size=8)
        | st.lists(st.integers(), max_size=2)
    )

    @QUICK
    @given(payload=st.sampled_from(payloads), data=st.data())
    def tell(payload: Any, data: st.DataObject) -> None:
        changed = json.loads(json.dumps(payload))
        places = list(_places(changed))
        for inside, name_ in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=4)):
            inside[name_] = data.draw(values)
        told(fresh(name, tmp_path), json.dumps(changed).encode(), {}, 10**15)

    tell()


def _places(value: Any) -> Any:
    for name in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, name
        yield from _places(value[name])


@pytest.mark.parametrize("name", CONNECTORS)
def test_what_was_kept_of_a_connector_goes_on_with_any_bytes(name: str, tmp_path: Path) -> None:
    first, second = fresh(name, tmp_path), fresh(name, tmp_path)
    told(first, SAMPLES[name], {}, 10**15)
    second.restore(first.state())
    assert second.state() == first.state()
    for kept in (b"", b"{}", b"[]", b'{"calls":{"x":1}}'):
        try:
            second.restore(kept)
        except ValueError:
            continue
        assert second.memory is not None


FRAMINGS: tuple[type[Any], ...] = (Lines, Blocks, Rows, Json, Whole)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_any_split_of_the_bytes_gives_the_same_records(framing: type[Frames]) -> None:
    @QUICK
    @given(
        data=st.text(alphabet='ab\n\r" ,:{}[]é', max_size=80).map(str.encode),
        cuts=st.lists(st.integers(0, 80), max_size=6),
    )
    def split(data: bytes, cuts: list[int]) -> None:
        edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        assert framed(framing(), [data[a:b] for a, b in pairwise(edges)]) == framed(framing(), [data])

    split()


def framed(frames: Frames, pieces: list[bytes]) -> list[Frame]:
    found = [frame for piece in pieces for frame in frames.feed(piece)]
    return [*found, *frames.finish()]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_record_without_an_end_costs_one_notice_and_no_memory(framing: type[Any]) -> None:
    frames = framing()
    found = [frame for _ in range(40) for frame in frames.feed(b"x" * 100_000)]
    found += [*frames.feed(b"\n\nEvent: A\n\n"), *frames.finish()]
    assert Frame(1, None) in found


@pytest.mark.parametrize("scheme", SCHEMES)
@given(
    headers=st.dictionaries(
        st.sampled_from(["x-hub-signature", "x-twilio-signature", "x-chatwoot-signature", "x-chatwoot-timestamp", "x-floorwatch-signature",
                         "x-floorwatch-timestamp", "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp", URL]),
        st.text(max_size=30) | st.sampled_from(["https://x/?checksum=a&time=1", "https://x/?bodySHA256=a", "http://[", "1e9", "5" * 30]),
    ),
    body=st.binary(max_size=60),
)  # fmt: skip
@QUICK
def test_no_header_and_no_body_opens_a_signature(scheme: str, headers: dict[str, str], body: bytes) -> None:
    assert SCHEMES[scheme](headers, body, "the secret", 10**15) in SIGNATURE_REASONS
