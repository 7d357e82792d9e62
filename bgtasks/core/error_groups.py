"""Which failures are the same one: by exception class, message and place, without what differs from
task to task."""

import re
from collections.abc import Callable
from hashlib import blake2b

__all__ = ["GROUP", "MAX_NORMAL", "group_of", "is_group", "normal"]

GROUP = re.compile(r"[0-9a-f]{16}")
"""What the key of a group looks like."""

MAX_NORMAL = 300
"""How much of a message counts, in characters, once it is normal."""

_MAX_LOOKED_AT = 2_000

_QUOTES = (
    ('"', '"'),
    ("`", "`"),
    ("\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"),
    ("\xab", "\xbb"),
)
_QUOTED = "|".join(
    (
        r"(?<![\w…])'[^'\n]*'(?!\w)",  # and no apostrophe
        *(f"{first}[^{first}{last}\n]*{last}" for first, last in _QUOTES),
    )
)
_URL = r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s'\"<>]+"
_MAIL = r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"
_PATH = (
    # From a root, or from somewhere.
    r"(?<![\w.~<\\/-])(?:[A-Za-z]:|~|\.{1,2})?(?:[/\\]+[^\s/\\'\"<>|:;,()\[\]{}]+)+[/\\]*"
    r"|(?<![\w./\\~-])[\w.~-]+(?:[/\\]+[\w.~-]+)+[/\\]*"
)
_UUID = r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
_HEX = r"\b0[xX][0-9A-Fa-f]+\b"
_WORD = r"[^\W_]{8,}"
_NUMBER = r"\d+(?:[.,:]\d+)*"

_VARIES = re.compile(
    "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in (
            ("quoted", _QUOTED),
            ("url", _URL),
            ("mail", _MAIL),
            ("id", f"{_UUID}|{_HEX}"),
            ("path", _PATH),
            ("word", _WORD),
            ("number", _NUMBER),
        )
    )
)

_IN_HEX = re.compile(r"[0-9A-Fa-f]+")
_NUMBERS = re.compile(r"\d+")
_LETTER = re.compile(r"[^\W\d_]")

_STANDS_FOR: dict[str, Callable[[str], str]] = {
    "quoted": lambda _: "'…'",
    "url": lambda _: "<url>",
    "mail": lambda _: "<mail>",
    "id": lambda found: "#" if found.isdigit() else "<id>",
    "path": lambda path: "<path>" if _LETTER.search(path) else "#",
    "word": lambda word: _word(word),
    "number": lambda _: "#",
}


def group_of(error_type: str, message: str, frame: str | None) -> str:
    """The key of the group that a failure belongs to: 16 hexadecimal digits, the same in every
    process and release. ``frame`` is where it was raised, ``None``: nobody knows."""
    parts = "\0".join((error_type, normal(message), frame or ""))
    return blake2b(parts.encode("utf-8", "replace"), digest_size=8).hexdigest()


def is_group(text: str) -> bool:
    """Whether ``text`` looks like the key of a group."""
    return GROUP.fullmatch(text) is not None


def normal(message: str) -> str:
    """The first line of ``message`` in which something is written, with signs in place of numbers,
    ids, paths, addresses and quoted texts; at most 300 characters."""
    looked_at = message[:_MAX_LOOKED_AT].replace("\0", " ")
    line = next((line for line in looked_at.splitlines() if line.strip()), "")
    return _VARIES.sub(_sign, " ".join(line.split()))[:MAX_NORMAL]


def _sign(match: re.Match[str]) -> str:
    return _STANDS_FOR[match.lastgroup or "word"](match[0])


def _word(word: str) -> str:
    """An id, if so many digits are in it; else the word, without its numbers."""
    digits = sum(map(str.isdigit, word))
    if (digits and _IN_HEX.fullmatch(word)) or (digits >= 4 and len(word) >= 12):
        return "#" if digits == len(word) else "<id>"
    return _NUMBERS.sub("#", word)
