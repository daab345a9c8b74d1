"""Small bodies that come close together are stored as one batch, and each is answered as if it had come alone."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.access import ADMINISTRATOR, Access
from streams.gateway import Busy, Gateway
from streams.intake import Pseudonyms
from streams.journal import Batch, Journal
from streams.settings import ServiceSettings
from tests.streams.test_gateway import Shelf, event

WRITER = Access("w", "writer", "writer", frozenset({"shop-a"}), None, None)


class Site:
    def __init__(self, folder: Path, **changed: Any) -> None:
        self.shelf = Shelf(Journal(folder / "journal"))
        self.shelf.journal.start()
        self.gateway = Gateway(self.shelf, ServiceSettings(data=folder, **changed), Pseudonyms(b"k" * 32))

    def answers(self, *sent: tuple[bytes, str, Access], together: bool = True) -> list[tuple[int, Any]]:
        async def taken() -> list[Any]:
            each = [self.gateway.take(*one) for one in sent]
            return await asyncio.gather(*each) if together else [await one for one in each]

        return [(answer.status_code, json.loads(answer.body)) for answer in asyncio.run(taken())]

    def batches(self) -> list[Batch]:
        return [*self.shelf.journal.batches_behind(0)]

    def close(self) -> None:
        self.gateway.close()
        self.shelf.journal.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


def said(*numbers: int, **more: Any) -> bytes:
    return b"\n".join(json.dumps(event(number, **more)).encode() for number in numbers)


def test_what_comes_together_is_one_batch_and_each_is_told_of_its_own_lines(site: Site) -> None:
    bodies = (said(1), b"\n{broken\n" + said(2), said(3, 4) + b"\n", b'{"type":"contact.unheard","time":0}')
    answers = site.answers(*((body, "s", ADMINISTRATOR) for body in bodies))
    assert [(status, told["accepted"]) for status, told in answers] == [(200, 1), (200, 1), (200, 2), (400, 0)]
    assert [[(one["line"], one["reason"]) for one in told["rejected"]] for _, told in answers] == [
        [], [(2, "invalid_json")], [], [(1, "unknown_type")],
    ]  # fmt: skip
    (batch,) = site.batches()
    assert [json.loads(line)["id"] for line in batch.body.split(b"\n")] == ["1", "2", "3", "4"]
    assert [(line, reason) for _, _, line, reason, _ in site.shelf.journal.rejects()] == [(1, "unknown_type"), (2, "invalid_json")]  # fmt: skip
    assert site.shelf.begun == 0


def test_sources_and_shops_are_never_mixed(site: Site) -> None:
    foreign = json.dumps(event(4, tenant="shop-b")).encode()
    sent = ((said(1), "a", ADMINISTRATOR), (said(2), "b", ADMINISTRATOR), (said(3), "a", WRITER), (foreign, "a", WRITER))  # fmt: skip
    answers = site.answers(*sent)
    assert [status for status, _ in answers] == [200, 200, 200, 400]
    assert answers[3][1]["rejected"][0]["reason"] == "foreign_tenant"
    assert sorted((batch.source, batch.lines) for batch in site.batches()) == [("a", 1), ("a", 1), ("b", 1)]
    assert sum(b'"tenant":"shop-a"' in batch.body for batch in site.batches()) == 1


def test_who_sends_alone_is_answered_at_once_and_not_after_others(site: Site) -> None:
    answers = site.answers((said(1), "s", ADMINISTRATOR), (said(2), "s", ADMINISTRATOR), together=False)
    assert [status for status, _ in answers] == [200, 200]
    assert len(site.batches()) == 2


def test_nothing_is_lost_silently_when_nothing_can_be_stored(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(batch: Batch, newest_us: int) -> Future[Batch]:
        raise Busy(429, "The backlog is full; nothing was stored, send it again.")

    monkeypatch.setattr(site.shelf, "submit", full)
    answers = site.answers(*((said(number), "s", ADMINISTRATOR) for number in range(5)))
    assert [status for status, _ in answers] == [429] * 5
    assert site.shelf.begun == 0
    assert not site.batches()


pieces = st.sampled_from((
    b"", b"\n", b" ", b"\xff", b"{", b"[]", b"[1]", b"1", b'{"type":"contact.opened"}', b'{"time":0,\n"type":1}',
    b'{"type":"contact.opened","time":1767225600000,"contact":"c"}', b'{"type":"contact.opened","time":1767225600000,"contact":"c","customer":"x"}',
    b'{"type":"contact.opened",\n"time":1767225600000,"contact":"c"}', b'[{"type":"contact.opened","time":1767225600000,"contact":"c"},{}]',
))  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(pieces, max_size=3).map(b"\n".join), min_size=1, max_size=6))
def test_any_bodies_together_are_answered_and_stored_as_if_each_had_come_alone(bodies: list[bytes]) -> None:
    found = []
    for together in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            site = Site(Path(folder))
            answers = site.answers(*((body, "s", ADMINISTRATOR) for body in bodies), together=together)
            stored = [line for batch in site.batches() for line in batch.body.split(b"\n") if line.strip()]
            found.append((answers, stored, site.shelf.journal.reject_totals()))
            site.close()
    assert found[0] == found[1]


def test_more_than_a_group_holds_is_stored_in_several(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.gathering.BODIES_MAX", 10)
    answers = site.answers(*((said(number), "s", ADMINISTRATOR) for number in range(35)))
    assert {status for status, _ in answers} == {200}
    assert [batch.lines for batch in site.batches()] == [10, 10, 10, 5]
