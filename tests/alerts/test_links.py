"""Links that acknowledge: nobody forges one, none is good for ever, and the smallest change spoils it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.links import BadLink, Link, opened, sealed

KEY = bytes(32)
LINK = Link("a-1", "a", "li-na", 1_000)


def test_a_link_opens_as_it_was_sealed_until_its_time() -> None:
    assert opened(sealed(LINK, KEY), KEY, 999) == LINK


def test_a_link_past_its_time_is_expired() -> None:
    with pytest.raises(BadLink, match="expired"):
        opened(sealed(LINK, KEY), KEY, 1_000)


def test_a_link_of_another_key_is_forged() -> None:
    with pytest.raises(BadLink, match="forged"):
        opened(sealed(LINK, bytes(31) + b"x"), KEY, 0)


@given(st.integers(0, 80), st.characters(codec="ascii", categories=["Lu", "Ll", "Nd"]))
def test_no_sign_of_a_link_can_be_changed(place: int, sign: str) -> None:
    text = sealed(LINK, KEY)
    place %= len(text)
    changed = text[:place] + sign + text[place + 1 :]
    if changed != text:
        with pytest.raises(BadLink):
            opened(changed, KEY, 0)


@given(st.text(max_size=700))
def test_whatever_is_sent_is_a_bad_link_and_nothing_worse(text: str) -> None:
    with pytest.raises(BadLink):
        opened(text, KEY, 0)
