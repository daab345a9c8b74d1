"""Keys: a published function under a secret, so that nobody can choose names that are taken for one another."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BrokenInvariant
from engine.events import Vocabulary, decode
from engine.keys import PUBLIC, KeySet, Secret, key_at, key_of
from engine.pipeline import Engine, Settings

MINE = Secret(bytes(range(16)))
LINE = b'{"type":"contact.queued","time":"2026-11-11T10:00:00Z","contact":"c1","id":"e1","agent":"a1","queue":"q1"}'
TEXTS = ["", "a", "1234567", "12345678", "order-1000000001", "会话-42", "x" * 300]


def test_a_key_is_siphash_as_python_computes_it_under_the_same_secret():
    asked = f"print(*(hash(text.encode()) for text in {TEXTS!r}))"
    answer = subprocess.run(
        [sys.executable, "-c", asked],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    ).stdout.split()
    # Python's secret is zero with that seed; it hashes nothing at all to 0 and keeps -1 for errors.
    for text, expected in zip(TEXTS[1:], answer[1:], strict=True):
        assert key_of(text, PUBLIC) == int(expected) % 2**64


@given(st.text(max_size=40), st.binary(min_size=8, max_size=20))
def test_a_key_depends_on_the_bytes_of_the_text_alone(text: str, behind: bytes):
    raw = text.encode()
    buffer = np.frombuffer(behind[:3] + raw + behind, np.uint8)
    assert int(key_at(buffer, 3, len(raw), *MINE.halves)) == key_of(text, MINE)


def test_names_that_shared_a_key_under_the_public_function_of_old_are_two():
    lines = [LINE.replace(b"c1", name) for name in (b"order-1000000001", b"kj1wRcJY/)~&[1Uv")]
    decoded = decode(b"\n".join(line.replace(b"e1", b"e-%d" % row) for row, line in enumerate(lines)))
    assert len(set(decoded.contacts.tolist())) == 2


def test_every_secret_makes_other_keys_of_contacts_ids_agents_and_dimensions():
    for text in TEXTS:
        assert key_of(text, MINE) != key_of(text, PUBLIC)
    theirs, mine = decode(LINE), decode(LINE, vocabulary=Vocabulary(MINE))
    assert theirs.ids[0] != mine.ids[0] and theirs.contacts[0] != mine.contacts[0]
    for keys in ("agent_keys", "dimension_keys"):
        assert set(getattr(theirs.vocabulary, keys)._keys.tolist()) & set(
            getattr(mine.vocabulary, keys)._keys.tolist()
        ) == {0}


def test_a_thousand_names_that_differ_in_one_bit_have_keys_that_differ_in_every_part():
    keys = np.array([key_of(f"contact-{number:04}", MINE) for number in range(1000)], np.uint64)
    assert len(np.unique(keys)) == 1000
    for shift in (0, 16, 32, 48):
        assert len(np.unique((keys >> np.uint64(shift)) & np.uint64(0xFFFF))) > 950


def test_an_engine_refuses_events_whose_keys_were_made_with_another_secret():
    engine = Engine(Settings(), MINE)
    engine.absorb(decode(LINE, vocabulary=Vocabulary(MINE)))
    with pytest.raises(BrokenInvariant, match="another secret"):
        engine.absorb(decode(LINE))


def test_a_restored_engine_goes_on_with_the_secret_of_its_snapshot():
    engine = Engine(Settings(), MINE)
    engine.absorb(decode(LINE, vocabulary=Vocabulary(MINE)))
    restored = Engine.restore(engine.snapshot(), Settings())
    restored.absorb(decode(LINE, vocabulary=Vocabulary(restored.secret)))
    assert restored.counters.duplicates == 1


def test_a_secret_never_shows_itself():
    assert "0001" not in repr(MINE) and "x00" not in repr(MINE)
    with pytest.raises(ValueError, match="16 bytes"):
        Secret(b"short")


def test_a_set_of_keys_holds_what_was_put_in_and_nothing_else():
    known, keys = KeySet(), np.array([key_of(str(number), MINE) for number in range(500)], np.uint64)
    assert not known.note(keys[:400], np.zeros(400, np.bool_)).any()
    assert known.has(keys).tolist() == [True] * 400 + [False] * 100
