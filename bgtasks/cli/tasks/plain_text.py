"""Texts from tasks, made fit for a terminal: nothing in them moves the cursor or hides a word."""

import unicodedata

__all__ = ["one_line", "plain"]

_JOINERS = "\u200c\u200d"
"""Invisible, but part of words in some scripts and of many emoji."""


def one_line(text: str) -> str:
    """``text`` with every control character, line breaks included, written as its escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def plain(text: str) -> str:
    """``text`` with its line breaks, and every other control character written as its escape."""
    return "\n".join(map(one_line, text.split("\n")))


def _shown(character: str) -> str:
    if character in _JOINERS:
        return character
    # C*: control characters, marks that change the direction of writing, lone surrogates;
    # Zl and Zp: other line breaks.
    category = unicodedata.category(character)
    if category[0] == "C" or category in ("Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character
