"""Removes passwords from texts that came from outside."""

import re

__all__ = ["redact"]

_HIDDEN = "***"
_LOGIN = re.compile(r"(://|\b)[^\s:/@'\"]*:.*@")
"""Greedy: a password may contain ``@``, so the last one ends the password."""

_URL = re.compile(r"\b(?!https?:)([a-z][a-z0-9+.-]*://).*", re.IGNORECASE)
"""A database URL, whole: where an unencoded password ends cannot be known."""

_NAMED = re.compile(
    r"""([\w-]*(?:pass|pwd|secret|token)\w*['"]?\s*[=:]\s*)('[^']*'|"[^"]*"|[^\s&;,'"]+)""",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """``text`` for a message or a log, with what may be a password in a URL or a connection string
    hidden. In doubt too much is hidden."""
    text = _URL.sub(rf"\1{_HIDDEN}", text)
    text = _LOGIN.sub(rf"\1{_HIDDEN}@", text)
    return _NAMED.sub(rf"\1{_HIDDEN}", text)
