"""Texts that came from outside, without the passwords in them."""

import re

__all__ = ["redact"]

_HIDDEN = "***"
_LOGIN = re.compile(r"(://|\b)[^\s:/@'\"]*:.*@")
"""Greedy: where a password has an ``@`` of its own, the last one is the end of it."""

_URL = re.compile(r"\b(?!https?:)([a-z][a-z0-9+.-]*://).*", re.IGNORECASE)
"""A database's. Nobody can say where its password ends, if it is not encoded."""

_NAMED = re.compile(
    r"""([\w-]*(?:pass|pwd|secret|token)\w*['"]?\s*[=:]\s*)('[^']*'|"[^"]*"|[^\s&;,'"]+)""",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """``text`` for a message or a log: what stands where URLs and connection strings keep their
    passwords is hidden. It rather hides too much than too little."""
    text = _URL.sub(rf"\1{_HIDDEN}", text)
    text = _LOGIN.sub(rf"\1{_HIDDEN}@", text)
    return _NAMED.sub(rf"\1{_HIDDEN}", text)
