"""What strangers write reaches the database and the page in a form that both take."""

import pytest

from samples.text import storable


@pytest.mark.parametrize(("text", "expected"), [("Grüße 🎉", "Grüße 🎉"), ("a\0b", "ab"), ("a\ud800b", "a?b")])
def test_what_can_be_stored_is_kept(text: str, expected: str) -> None:
    assert storable(text) == expected


def test_a_long_text_is_cut() -> None:
    assert storable("abcdef", most=5) == "abcde"
