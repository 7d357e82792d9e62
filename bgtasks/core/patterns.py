"""Words to search for, as the stores' pattern languages have them: in any case of letters."""

import re
from collections.abc import Callable

from attrs import frozen

__all__ = ["Word", "glob_of", "regex_of"]


@frozen
class Word:
    """One word: the pattern of a text that has it, and the beginning of an id that it may be, in
    hexadecimal without hyphens."""

    pattern: str
    id_prefix: str | None

    @classmethod
    def of(cls, word: str, pattern_of: Callable[[str], str]) -> "Word":
        """The word in one of the pattern languages below."""
        is_of_an_id = re.fullmatch("[0-9a-fA-F][0-9a-fA-F-]{0,35}", word)
        return cls(pattern_of(word), word.replace("-", "").lower() if is_of_an_id else None)


def glob_of(word: str) -> str:
    """The pattern for SQLite's GLOB, whose LIKE knows the two cases of ASCII letters alone."""
    return f"*{''.join(_either_case(letter) or _plain(letter) for letter in word)}*"


def regex_of(word: str) -> str:
    """The regular expression for PostgreSQL, which knows no cases of letters in some locales."""
    return "".join(_either_case(letter) or re.sub(r"(\W)", r"\\\1", letter) for letter in word)


def _either_case(letter: str) -> str:
    """A class of both cases; empty for what has but one, and where the other is several letters."""
    both = dict.fromkeys((letter, letter.lower(), letter.upper()))
    return f"[{''.join(both)}]" if len(both) > 1 and all(len(item) == 1 for item in both) else ""


def _plain(letter: str) -> str:
    return f"[{letter}]" if letter in "*?[" else letter
