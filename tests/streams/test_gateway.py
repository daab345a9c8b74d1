"""The gateway stores what is acceptable, says what is not, keeps its limits, and lets no identity through."""

import gzip
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine.keys import PUBLIC, Secret
from engine.times import iso
from streams.gateway import Busy, Gateway, judge
from streams.guard import Guard
from streams.intake import Pseudonyms
from streams.journal import Batch, Journal
from streams.settings import ServiceSettings, SettingsError

TOKEN = "a-token-of-good-length"
PSEUDONYMS = Pseudonyms(b"k" * 32)


@dataclass
class Shelf:
    """A service that only journals: what the gateway hands in is what the test finds."""

    journal: Journal
    full: bool = False
    begun: int = 0
    newest_us: list[int] = field(default_factory=list)
    secret: Secret = PUBLIC

    def begin(self) -> int:
        if self.full:
            raise Busy(429, "The backlog is full; nothing was stored.")
        self.begun += 1
        return time.time_ns() // 1000

    def end(self) -> None:
        self.begun -= 1

    def submit(self, batch: Batch, newest_us: int) -> Future[Batch]:
        self.newest_us.append(newest_us)
        return self.journal.append(batch)

    def lines(self) -> list[bytes]:
        return [line for batch in self.journal.batches_behind(0) for line in batch.body.split(b"\n")]


class Site:
    """A gateway on a shelf, called over HTTP."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.shelf = Shelf(Journal(folder / "journal"))
        self.shelf.journal.start()
        service = replace(ServiceSettings(data=folder), **changed)
        gateway = Gateway(self.shelf, service, PSEUDONYMS)
        app = Guard(Starlette(routes=gateway.routes()), service)
        self.http = TestClient(app, base_url="http://127.0.0.1:8080")

    def post(self, body: Any, **options: Any) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post("/v1/events", content=content, **options)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.shelf.journal.close()


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    opened = {"type": "contact.opened", "time": iso(time.time_ns() // 1000 // 1000 * 1000)}
    return opened | {"id": str(number), "contact": f"c{number}"} | more


def test_one_event_an_array_and_ndjson_are_all_taken(site: Site) -> None:
    ndjson = b"\n".join(json.dumps(event(n)).encode() for n in (4, 5))
    for body, count in ((event(1), 1), ([event(2), event(3)], 2), (ndjson, 2), (ndjson + b"\n\n", 2)):
        answer = site.post(body)
        assert answer.status_code == 200
        assert answer.json() == {"accepted": count, "rejected": [], "rejected_count": 0}
    assert [json.loads(line)["id"] for line in site.shelf.lines()] == ["1", "2", "3", "4", "5", "4", "5"]


def test_what_is_printed_over_several_lines_is_taken_too(site: Site) -> None:
    pretty = [json.dumps(event(n), indent=2) for n in (1, 2)]
    for body in (pretty[0], "\n".join(pretty), json.dumps([event(3), event(4)], indent=4), "\ufeff" + pretty[0]):
        assert site.post(body.encode()).status_code == 200
    assert [json.loads(line)["id"] for line in site.shelf.lines()] == ["1", "1", "2", "3", "4", "1"]


def test_each_bad_line_is_named_with_its_number_and_the_others_are_stored(site: Site) -> None:
    lines = [b"{broken", b"", json.dumps(event(1)).encode(), b'{"type":"contact.unheard","time":0}', b"\xff\xfe"]
    answer = site.post(b"\n".join(lines))
    assert answer.status_code == 200
    assert [(r["line"], r["reason"]) for r in answer.json()["rejected"]] == [
        (1, "invalid_json"),
        (4, "unknown_type"),
        (5, "invalid_utf8"),
    ]
    assert answer.json()["accepted"] == 1
    assert len(site.shelf.lines()) == 1
    assert site.shelf.journal.reject_totals() == {"invalid_json": 1, "unknown_type": 1, "invalid_utf8": 1}


def test_line_numbers_stay_true_far_into_a_large_body(site: Site) -> None:
    lines = [json.dumps(event(n)).encode() for n in range(12_000)]
    lines[11_000] = b"broken"
    answer = site.post(b"\n".join(lines)).json()
    assert (answer["accepted"], [r["line"] for r in answer["rejected"]]) == (11_999, [11_001])


def test_when_nothing_is_acceptable_the_answer_is_400_and_the_reasons_are_kept(site: Site) -> None:
    answer = site.post(b"no\nno")
    assert answer.status_code == 400
    assert answer.json()["rejected_count"] == 2
    assert site.shelf.lines() == []
    assert len(site.shelf.journal.rejects()) == 2


def test_only_the_first_hundred_rejects_are_listed_but_all_are_counted(site: Site) -> None:
    answer = site.post(b"no\n" * 5_000).json()
    assert (len(answer["rejected"]), answer["rejected_count"]) == (100, 5_000)


@pytest.mark.parametrize("body", [b"", b"\n\n", b"[]", b"[" * 100_000, b'{"a":' * 100_000, b"null", b"\x00" * 1000])
def test_a_body_without_an_event_is_a_clean_400(site: Site, body: bytes) -> None:
    assert site.post(body).status_code == 400
    assert site.shelf.lines() == []


def test_an_event_of_the_future_is_refused_and_named(site: Site) -> None:
    later = event(1, time=iso(time.time_ns() // 1000 + 3_600_000_000))
    assert site.post([later, event(2)]).json()["rejected"][0]["reason"] == "time_in_future"


def test_gzip_is_taken_in_one_member_or_several(site: Site) -> None:
    packed = b"".join(gzip.compress(json.dumps(event(n)).encode() + b"\n") for n in (1, 2))
    assert site.post(packed, headers={"Content-Encoding": "gzip"}).json()["accepted"] == 2


def test_a_gzip_bomb_stops_at_the_limit(site: Site) -> None:
    bomb = gzip.compress(bytes(100 << 20))
    answer = site.post(bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    assert "67108864" in answer.json()["error"]


@pytest.mark.parametrize("cut", [5, 40, -1])
def test_a_gzip_body_that_ends_early_stores_nothing(site: Site, cut: int) -> None:
    packed = gzip.compress(b"\n".join(json.dumps(event(n)).encode() for n in range(50)))
    assert site.post(packed[:cut], headers={"Content-Encoding": "gzip"}).status_code == 400
    assert site.shelf.lines() == []


def test_an_unknown_encoding_is_refused(site: Site) -> None:
    assert site.post(event(), headers={"Content-Encoding": "br"}).status_code == 415


def test_a_body_over_the_limit_is_refused_whether_its_length_is_told_or_not(tmp_path: Path) -> None:
    site = Site(tmp_path, body_bytes_max=1_000)
    assert site.post(b"x" * 1_001).status_code == 413
    assert site.http.post("/v1/events", content=iter([b"x" * 600] * 3)).status_code == 413
    site.shelf.journal.close()


def test_a_full_backlog_answers_429_and_stores_nothing(site: Site) -> None:
    site.shelf.full = True
    answer = site.post(event())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert site.shelf.lines() == []
    site.shelf.full = False
    assert site.post(event()).status_code == 200


def test_too_many_bodies_at_once_are_answered_429_and_the_room_is_given_back(tmp_path: Path) -> None:
    site = Site(tmp_path, intake_bytes_max=100)
    assert site.post(b"x" * 101).status_code == 429
    for _ in range(3):
        assert site.post(b"x" * 90).status_code == 400
    site.shelf.journal.close()


def test_every_body_that_was_begun_is_ended_whatever_became_of_it(site: Site) -> None:
    for body in (json.dumps(event()).encode(), b"", b"broken", b"[" * 100_000):
        site.post(body)
    assert site.shelf.begun == 0


def test_the_source_is_kept_with_the_batch_and_with_its_rejects(site: Site) -> None:
    site.post([event(), 5], headers={"Source": "wechat"})
    site.post(event(2), params={"source": "phone"})
    assert [batch.source for batch in site.shelf.journal.batches_behind(0)] == ["wechat", "phone"]
    assert site.shelf.journal.rejects()[0][1] == "wechat"
    assert site.post(event(3), params={"source": "a\x1bb"}).status_code == 400
    assert site.post(event(3), params={"source": "a" * 65}).status_code == 400


def test_texts_are_gone_and_customers_are_pseudonyms_before_anything_is_stored(site: Site) -> None:
    secret = "SECRET 13912345678"
    escaped = json.dumps(event(3)).replace("{", '{"t\\u0065xt": "SECRET", "c\\u0075stomer": "SECRET", ', 1).encode()
    site.post(b"\n".join([json.dumps(event(1, text=secret, customer=secret)).encode(), escaped]))
    site.post(json.dumps([event(4, customer=secret), event(5, customer=13912345678)], indent=1).encode())
    stored = [json.loads(line) for line in site.shelf.lines()]
    assert not any(b"SECRET" in line or b"13912345678" in line for line in site.shelf.lines())
    assert not any("text" in line for line in stored)
    assert stored[0]["customer"] == stored[2]["customer"] == PSEUDONYMS.of(secret)
    assert re.fullmatch("[0-9a-f]{16}", stored[1]["customer"])
    raw = b"".join(path.read_bytes() for path in site.shelf.journal.path.parent.iterdir())
    assert b"13912345678" not in raw


def test_only_lines_that_carry_what_must_not_be_kept_are_written_anew(site: Site) -> None:
    odd_spacing = b'{ "type" : "contact.opened",  "time":1700000000000, "contact":"c1", "amount": 1.50 }'
    site.post(odd_spacing + b"\n" + odd_spacing.replace(b'"amount"', b'"text": "a", "x": 2, "amount"'))
    assert site.shelf.lines()[0] == odd_spacing
    assert site.shelf.lines()[1] == b'{"type":"contact.opened","time":1700000000000,"contact":"c1","amount":1.50}'


KEYS = st.sampled_from(["text", "customer", "t\\u0065xt", "c\\u0075stomer", "x", "\\ud800", "type", "contact"])
VALUES = st.sampled_from(
    ['"SECRET"', '"S\\u0045CRET"', '["SECRET"]', '{"text":"SECRET"}', "null", "1", '"\\ud800SECRET"']
)
WRECKS = st.sampled_from(["", "}", ",", "\t", "\xff", '"', "\x00"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(KEYS, VALUES), max_size=4), WRECKS, st.booleans())
def test_no_spelling_of_the_keys_brings_an_identity_through(
    pairs: list[tuple[str, str]], wreck: str, printed: bool
) -> None:
    own = [
        (key, value if key in ("text", "customer", "t\\u0065xt", "c\\u0075stomer") else '"n"') for key, value in pairs
    ]
    members = ['"type":"contact.opened"', '"time":1700000000000', '"contact":"c"', *(f'"{k}":{v}' for k, v in own)]
    body = "{" + (",\n " if printed else ",").join(members) + "}" + wreck
    judged = judge(body.encode("latin-1"), PSEUDONYMS, PUBLIC, source="", latest_us=2**62)
    for stored in judged.bodies:
        assert b"CRET" not in stored
        assert b'"text"' not in stored
    assert sum(len(stored.split()) > 0 for stored in judged.bodies) <= judged.count


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_the_judge_raise(body: bytes) -> None:
    judged = judge(body, PSEUDONYMS, PUBLIC, source="", latest_us=2**62)
    assert judged.count + len(judged.rejects) <= body.count(b"\n") + body.count(b",") + 1


def test_the_key_is_made_once_and_belongs_to_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    first, second = Pseudonyms.kept_in(path), Pseudonyms.kept_in(path)
    assert first.of("bob") == second.of("bob") != PSEUDONYMS.of("bob")
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        Pseudonyms.kept_in(path)


def test_with_a_token_only_its_bearer_may_send(tmp_path: Path) -> None:
    site = Site(tmp_path, token=TOKEN)
    assert site.post(event()).status_code == 401
    for wrong in ("Bearer ", "Bearer nope", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"):
        assert site.post(event(), headers={"Authorization": wrong.encode("latin-1")}).status_code == 401
    assert site.post(event(), headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert len(site.shelf.lines()) == 1
    site.shelf.journal.close()


def test_the_login_page_opens_the_wall_with_a_cookie_that_does_not_hold_the_token(tmp_path: Path) -> None:
    site = Site(tmp_path, token=TOKEN)
    page = site.http.get("/")
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    wrong = site.http.post("/login", data={"token": "x"}, follow_redirects=False)
    assert (wrong.status_code, wrong.cookies.get("floorwatch")) == (401, None)
    right = site.http.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert (right.status_code, right.headers["location"]) == (303, "/")
    for came, back in (
        ("http://127.0.0.1:8080/?screen=floor-1", "/?screen=floor-1"),
        ("http://evil.example/?a", "/"),
        ("http://127.0.0.1:8080//evil.example/?a", "/"),
        ("http://[", "/"),
    ):
        again = site.http.post("/login", data={"token": TOKEN}, headers={"Referer": came}, follow_redirects=False)
        assert again.headers["location"] == back
    cookie = right.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert site.post(event()).status_code == 200
    site.shelf.journal.close()


def test_a_page_of_another_site_can_neither_send_nor_read(site: Site) -> None:
    assert site.post(event(), headers={"Origin": "http://evil.example"}).status_code == 403
    assert site.post(event(), headers={"Host": "evil.example"}).status_code == 421
    assert site.post(event(), headers={"Origin": "http://127.0.0.1:8080"}).status_code == 200
    assert len(site.shelf.lines()) == 1


def test_every_answer_carries_the_security_headers(site: Site) -> None:
    for answer in (site.post(event()), site.post(b""), site.http.get("/nowhere"), site.http.get("/v1/events")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]


def test_without_a_token_no_other_address_than_this_machine_is_allowed(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        ServiceSettings(data=tmp_path, host=host)
    for host in ("0.0.0.0", "::", "192.168.1.5", "wall.example"):
        with pytest.raises(SettingsError, match="without a token"):
            ServiceSettings(data=tmp_path, host=host)
        ServiceSettings(data=tmp_path, host=host, token=TOKEN)


def test_a_token_is_neither_short_nor_shown(tmp_path: Path) -> None:
    for token in ("", "short", "with space in the middle", "ünïcödé-tökén-lönger"):
        with pytest.raises(SettingsError, match="token must be"):
            ServiceSettings(data=tmp_path, token=token)
    assert TOKEN not in repr(ServiceSettings(data=tmp_path, token=TOKEN))


@pytest.mark.parametrize("change", [{"port": 70_000}, {"zone": "Mars/Base"}, {"zone": "../etc/passwd"}, {"tick_us": 0}])
def test_a_setting_out_of_range_is_refused_in_a_sentence(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"\.$"):
        ServiceSettings(data=tmp_path, **change)


def test_a_body_of_too_many_lines_is_refused_before_any_is_judged(tmp_path: Path) -> None:
    site = Site(tmp_path, lines_max=1_000)
    started = time.monotonic()
    assert site.post(b"1\n" * 1_001).status_code == 413
    assert site.post(gzip.compress(b"1\n" * 4_000_000), headers={"content-encoding": "gzip"}).status_code == 413
    assert time.monotonic() - started < 5
    assert site.post(b"1\n" * 1_000).json()["rejected_count"] == 1_000
    site.shelf.journal.close()


def test_a_long_array_is_refused_before_it_becomes_objects_and_a_short_one_is_taken(site: Site) -> None:
    assert site.post(b"[" + b"1," * (1 << 20) + b"1]").status_code == 413
    assert site.post(json.dumps([event(n) for n in range(1_000)]).encode()).json()["accepted"] == 1_000


def test_a_long_body_whose_first_line_is_broken_costs_that_line_only(site: Site) -> None:
    lines = [b"{broken", *(json.dumps(event(n)).encode() for n in range(25_000))]
    answer = site.post(b"\n".join(lines)).json()
    assert len(b"\n".join(lines)) > 2 << 20
    assert (answer["accepted"], answer["rejected_count"]) == (25_000, 1)
