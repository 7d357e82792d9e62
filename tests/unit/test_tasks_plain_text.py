"""What tasks say of themselves cannot write on the terminal anything but itself."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks.cli.tasks.plain_text import one_line, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Copy Café 電影 👩‍👩‍👧.mkv", "Copy Café 電影 👩‍👩‍👧.mkv"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("two\nlines\r\tand a tab", r"two\nlines\r\tand a tab"),
        ("\x9b31m", r"\x9b31m"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("lone \udcff", r"lone \udcff"),
        ("\u2028\u2029\x7f", r"\u2028\u2029\x7f"),
        ("[bold red]:warning:", "[bold red]:warning:"),
    ],
)
def test_control_characters_become_escapes(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_longer_text_keeps_its_lines() -> None:
    assert plain("one\r\n\x1btwo\n") == "one\\r\n\\x1btwo\n"


@given(st.text())
def test_nothing_is_left_that_a_terminal_obeys(text: str) -> None:
    for character in one_line(text):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
