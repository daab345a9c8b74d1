"""Writers: what they may send of whom, how much, and how a request is signed."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import DIMENSIONS
from engine.keys import PUBLIC
from streams import signatures as module
from streams.access import Access
from streams.audit import REFUSALS_A_SECOND, Audit
from streams.gateway import Judged, judge
from streams.intake import Pseudonyms
from streams.rates import BURST_S, Rates
from streams.settings import ServiceSettings, SettingsError, limits_of
from streams.signatures import SIGNATURES_OF_KEY_MAX, WINDOW_S, Signature, Signatures, signed
from streams.token_command import token as command
from streams.tokens import TokenFile, master_path

PSEUDONYMS = Pseudonyms(b"k" * 32)
NOW_S = 1_800_000_000.5


def said(*tenants: Any, **more: Any) -> bytes:
    told = ({} if tenant is ... else {"tenant": tenant} for tenant in tenants)
    return b"\n".join(
        json.dumps({"type": "contact.opened", "time": 0, "contact": "c", **one, **more}).encode() for one in told
    )


def judged(body: bytes, *tenants: str) -> Judged:
    return judge(body, PSEUDONYMS, PUBLIC, source="s", latest_us=2**62, tenants=frozenset(tenants))


def tenants_of(found: Judged) -> list[Any]:
    """Of what is stored: as the engine is given it, and as the journal has it, which must be the same."""
    place = DIMENSIONS.index("tenant")
    names = [list(piece.vocabulary.dimensions)[code][place] for piece in found.decoded for code in piece.dimensions]
    lines = [json.loads(line).get("tenant") for body in found.bodies for line in body.split(b"\n") if line.strip()]
    assert names == lines
    return names


def test_lines_of_foreign_tenants_are_refused_one_by_one_and_the_others_taken() -> None:
    found = judged(said("a", "b", "a") + b"\n\n{broken\n" + said("(other)", "b", "a"), "a")
    assert tenants_of(found) == ["a", "a", "a"]
    assert [(reject.line, reject.reason) for reject in sorted(found.rejects, key=lambda one: one.line)] == [
        (2, "foreign_tenant"), (5, "invalid_json"), (6, "foreign_tenant"), (7, "foreign_tenant"),
    ]  # fmt: skip


def test_a_line_without_a_tenant_is_of_the_writers_only_one() -> None:
    assert tenants_of(judged(said(..., "a", ...), "a")) == ["a"] * 3
    found = judged(said(..., None, ""), "a", "b")
    assert (found.count, {reject.reason for reject in found.rejects}) == (0, {"missing_tenant"})


#: Ways to name a shop so that one reader might see another than the next.
NAMED = st.sampled_from(
    ['"tenant":"b"', '"t\\u0065nant":"b"', '"tenant":"\\u0062"', '"tenant":"a","tenant":"b"', '"tenant":"b","tenant":"a"', '"tenant":null',
     '"tenant":"","x":"tenant"', '"x":{"tenant":"a"},"tenant":"b"', '"tenant" : "b"', '"TENANT":"a"', '"tenant":"a\\u0000"', '"tenant":["b"]',
     '"tenant":"a"', '"x":1', '"customer":"z","tenant":"b"', '"text":"t\\u0065xt"']
)  # fmt: skip
LINES = st.lists(
    st.lists(NAMED, min_size=1, max_size=3) | st.sampled_from(["", " \t", "\r", "{", "\xff", "[1]"]), max_size=6
)


@settings(max_examples=300, deadline=None)
@given(LINES, st.sampled_from([("a",), ("a", "c")]), st.booleans())
def test_no_spelling_brings_a_foreign_tenant_through(lines: Any, tenants: tuple[str, ...], strict: bool) -> None:
    kind = '"type":"source.heartbeat","source":"s"' if strict else '"type":"contact.opened","contact":"c"'
    told = ["{" + ",".join([kind, '"time":0', *line]) + "}" if isinstance(line, list) else line for line in lines]
    found = judged("\n".join(told).encode("latin-1"), *tenants)
    assert set(tenants_of(found)) <= set(tenants)


class Clock:
    s = NOW_S

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def key(tmp_path: Path) -> str:
    return make(tmp_path)


def make(folder: Path, *options: str) -> str:
    words = ["create", "--tokens", str(folder / "tokens.jsonl"), "--name", "chat", "--role", "writer", "--tenant", "a"]
    done = CliRunner().invoke(command, [*words, "--signing", *options])
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def tried(signatures: Signatures, header: str, *parts: bytes) -> str | None:
    begun = signatures.begin(header)
    if not isinstance(begun, Signature):
        return begun
    for part in parts:
        begun.take(part)
    return begun.refusal()


def test_a_signature_opens_once_within_its_window_and_for_its_body_only(tmp_path: Path, key: str) -> None:
    clock = Clock()
    signatures = Signatures(TokenFile(tmp_path / "tokens.jsonl"), now_s=clock)
    header = signed(key, b"body", "1800000000")
    for changed in (b"", b"bodz", b"body "):
        assert tried(signatures, header, changed) == "wrong_signature"
    assert tried(signatures, header.replace("1800000000", "1800000001"), b"body") == "wrong_signature"
    assert tried(signatures, header, b"bo", b"dy") is None
    assert tried(signatures, header, b"body") == "replayed_signature"
    for at_s, reason in (
        (NOW_S - WINDOW_S - 1, "expired_signature"),
        (NOW_S + WINDOW_S + 1, "expired_signature"),
        (NOW_S - WINDOW_S + 1, None),
    ):
        assert tried(signatures, signed(key, b"other", f"{at_s:.0f}"), b"other") == reason
    clock.s += WINDOW_S - 1
    assert tried(signatures, header, b"body") == "replayed_signature"
    clock.s += 10 * WINDOW_S
    assert tried(signatures, header, b"body") == "expired_signature"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1,v1=00",
        "id=a,t=-1,v1=" + "0" * 64,
        "id=a,t=1e3,v1=" + "0" * 64,
        "id=a,t=1,v1=" + "0" * 65,
        "\n",
        "id=,t=1,v1=",
    ],
)
def test_a_header_of_another_form_is_refused(tmp_path: Path, key: str, header: str) -> None:
    assert tried(Signatures(TokenFile(tmp_path / "tokens.jsonl")), header) == "malformed_signature"


def test_two_keys_hold_at_once_until_one_is_revoked_and_neither_is_kept(tmp_path: Path, key: str) -> None:
    path, other = tmp_path / "tokens.jsonl", make(tmp_path)
    clock = Clock()
    signatures = Signatures(TokenFile(path), now_s=clock)
    assert [tried(signatures, signed(one, b"x", "1800000000"), b"x") for one in (key, other)] == [None, None]
    done = CliRunner().invoke(command, ["revoke", "--tokens", str(path), key.split("_")[1]])
    assert done.exit_code == 0
    signatures = Signatures(TokenFile(path), now_s=clock)
    assert [tried(signatures, signed(one, b"y", "1800000000"), b"y") for one in (key, other)] == [
        "wrong_signature",
        None,
    ]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert key.encode() not in kept
    assert key.split("_")[2].encode() not in kept
    assert master_path(path).stat().st_mode & 0o077 == 0
    master_path(path).write_bytes(b"m" * 32)
    assert tried(Signatures(TokenFile(path), now_s=clock), signed(other, b"z", "1800000000"), b"z") == "wrong_signature"


def test_a_key_to_sign_with_is_no_bearer(tmp_path: Path, key: str) -> None:
    assert TokenFile(tmp_path / "tokens.jsonl").judge(key) == (None, "wrong_token")


def test_the_memory_of_signatures_has_an_end_and_is_emptied_by_time(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SIGNATURES_OF_KEY_MAX >= 2 * WINDOW_S * 300
    monkeypatch.setattr(module, "SIGNATURES_OF_KEY_MAX", 3)
    clock = Clock()
    signatures = Signatures(TokenFile(tmp_path / "tokens.jsonl"), now_s=clock)

    def send(number: int) -> str | None:
        return tried(signatures, signed(key, b"%d" % number, f"{clock.s:.0f}"), b"%d" % number)

    assert [send(number) for number in range(4)] == [None, None, None, "signatures_full"]
    clock.s += WINDOW_S + 200
    assert send(9) is None


def test_what_stored_nothing_may_be_sent_again_as_it_was(tmp_path: Path, key: str) -> None:
    signatures = Signatures(TokenFile(tmp_path / "tokens.jsonl"), now_s=Clock())
    header = signed(key, b"", "1800000000")
    begun = signatures.begin(header)
    assert isinstance(begun, Signature)
    assert begun.refusal() is None
    begun.release()
    assert [tried(signatures, header), tried(signatures, header)] == [None, "replayed_signature"]


def test_who_floods_waits_alone_and_shares_the_bucket_of_his_shops() -> None:
    clock = Clock()
    rates = Rates(100, now_s=clock)
    flood, twin = (Access(name, name, "writer", frozenset({"a"})) for name in ("1", "2"))
    other, whole, slow = (
        Access("3", "", "writer", frozenset({"b"})),
        Access("4", "", "admin"),
        Access("5", "", "writer", rate=1),
    )
    rates.spend(whole, 10**9)
    rates.spend(flood, 100 * BURST_S + 1_000)
    rates.spend(slow, BURST_S)
    assert [rates.wait_s(one) > 0 for one in (flood, twin, other, whole, slow)] == [True, True, False, False, True]
    clock.s += rates.wait_s(flood)
    assert [rates.wait_s(one) for one in (flood, twin)] == [0, 0]


def test_a_limit_is_set_by_name_and_a_wrong_one_is_refused_with_a_remedy(tmp_path: Path) -> None:
    assert ServiceSettings(data=tmp_path, **limits_of(["body_read_s=2", "connections_max=9"])).connections_max == 9
    for text, says in (
        ("body_reads=2", "did you mean body_read_s"),
        ("body_read_s=soon", "whole number"),
        ("host=1", "no limit"),
        ("x", "no limit"),
    ):
        with pytest.raises(SettingsError, match=says):
            limits_of([text])


def test_a_flood_of_refusals_hides_no_act_and_no_line_can_be_forged(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl")
    while time.time() % 1 > 0.5:
        time.sleep(0.05)
    for number in range(500):
        audit.refusal("role", name=f'x\n{{"at":"forged","is":"act"}} {number}')
    audit.act("token created", of="t\u2028\r\n1")
    records = [json.loads(line) for line in audit.path.read_bytes().splitlines()]
    assert len(records) == REFUSALS_A_SECOND + 1
    assert [record["is"] for record in records[-2:]] == ["refusal", "act"]
    assert audit.path.stat().st_mode & 0o077 == 0
