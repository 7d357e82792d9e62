"""Words to search for, as the stores' pattern languages have them: in any case of letters."""

import json
import re

__all__ = ["glob_of", "id_prefix_of", "json_regex_of", "like_in_json_of", "like_of", "regex_of"]


def id_prefix_of(word: str) -> str | None:
    """The beginning of an id that a word may be, in hexadecimal without hyphens."""
    may_be = re.fullmatch("[0-9a-fA-F][0-9a-fA-F-]{0,35}", word)
    return word.replace("-", "").lower() if may_be else None


def like_of(word: str) -> str:
    r"""The pattern of a text that has a word in ASCII, for LIKE with ``\`` as its escape."""
    escaped = re.sub(r"([%_\\])", r"\\\1", word)
    return f"%{escaped}%"


def like_in_json_of(word: str) -> str:
    """The pattern for LIKE of JSON that may have a word in one of its texts: cheap, and more than
    wanted. Of letters beyond ASCII, which JSON has as escapes, it only knows that there are some.
    """
    return like_of(json.dumps(word)[1:-1] if word.isascii() else "\\u")


def glob_of(word: str) -> str:
    """The same of any word for SQLite's GLOB."""
    return f"*{''.join(_either_case(letter) or _plain(letter) for letter in word)}*"


def regex_of(word: str) -> str:
    """The same as a regular expression for PostgreSQL, which knows no cases of letters in some
    locales."""
    return "".join(_either_case(letter) or re.sub(r"(\W)", r"\\\1", letter) for letter in word)


def json_regex_of(word: str) -> str:
    r"""The same of a text in JSON, as it stands there, and also with all its escapes resolved but
    those of the form ``\u00c4``."""
    return "".join(map(_in_json, word))


def _in_json(letter: str) -> str:
    both = [
        item for item in dict.fromkeys((letter, letter.lower(), letter.upper())) if len(item) == 1
    ]
    terms = [_json_term(item) for item in both]
    return terms[0] if len(terms) == 1 else f"(?:{'|'.join(terms)})"


def _json_term(letter: str) -> str:
    if letter == "\\":
        return r"\\{1,2}"
    if letter == '"':
        return r'\\?"'
    return re.sub(r"(\W)", r"\\\1", json.dumps(letter)[1:-1])


def _either_case(letter: str) -> str:
    """A class of both cases; empty for what has but one, and where the other is several letters."""
    both = dict.fromkeys((letter, letter.lower(), letter.upper()))
    return f"[{''.join(both)}]" if len(both) > 1 and all(len(item) == 1 for item in both) else ""


def _plain(letter: str) -> str:
    return f"[{letter}]" if letter in "*?[" else letter
