"""Words to search for, as the stores' pattern languages have them: in any case of letters."""

import re

__all__ = ["glob_of", "id_prefix_of", "like_of", "regex_of"]


def id_prefix_of(word: str) -> str | None:
    """The beginning of an id that a word may be, in hexadecimal without hyphens."""
    may_be = re.fullmatch("[0-9a-fA-F][0-9a-fA-F-]{0,35}", word)
    return word.replace("-", "").lower() if may_be else None


def like_of(word: str) -> str:
    r"""The pattern of a text that has a word in ASCII, for LIKE with ``\`` as its escape."""
    escaped = re.sub(r"([%_\\])", r"\\\1", word)
    return f"%{escaped}%"


def glob_of(word: str) -> str:
    """The same of any word for SQLite's GLOB."""
    return f"*{''.join(_either_case(letter) or _plain(letter) for letter in word)}*"


def regex_of(word: str) -> str:
    """The same as a regular expression for PostgreSQL, which knows no cases of letters in some
    locales."""
    return "".join(_either_case(letter) or re.sub(r"(\W)", r"\\\1", letter) for letter in word)


def _either_case(letter: str) -> str:
    """A class of both cases; empty for what has but one, and where the other is several letters."""
    both = dict.fromkeys((letter, letter.lower(), letter.upper()))
    return f"[{''.join(both)}]" if len(both) > 1 and all(len(item) == 1 for item in both) else ""


def _plain(letter: str) -> str:
    return f"[{letter}]" if letter in "*?[" else letter
