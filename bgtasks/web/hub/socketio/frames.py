"""The raw frames of a Socket.IO client, checked before the protocol library reads them."""

import json
import re
from typing import Any

from bgtasks.web.protocol import MAX_FRAME

__all__ = ["asks_for_answer", "is_acceptable", "is_answer"]

_MESSAGE = re.compile(r"4([012])(?:/[^,]*(?:,|\Z))?([0-9]{0,15})(.*)", re.DOTALL | re.ASCII)
_CONNECT, _EVENT = "0", "2"


def is_acceptable(frame: object) -> bool:
    """Whether ``frame`` is one that a well-behaved client of our namespace sends.

    Those are: a pong, a close, and a Socket.IO packet that connects, disconnects or carries an
    event with its name. Everything else (binary attachments, acks of things we never asked,
    broken or too deeply nested JSON) makes the protocol library raise from its read loop, which
    leaves the client registered and its writer running, or log a traceback per frame.
    """
    if not isinstance(frame, str) or len(frame) > MAX_FRAME:
        return False
    if frame in ("1", "3"):
        return True
    match = _MESSAGE.fullmatch(frame)
    if match is None:
        return False
    kind, ack_id, text = match.groups()
    if kind != _EVENT and ack_id:
        return False
    if not text:
        return kind != _EVENT
    try:
        data: Any = json.loads(text, parse_int=_short_int)
    except (ValueError, RecursionError):
        return False
    return kind == _CONNECT or (isinstance(data, list) and bool(data))


def asks_for_answer(frame: str) -> bool:
    """Whether an acceptable ``frame`` is one that the protocol library answers: it connects, or
    carries an event that is to be acknowledged."""
    match = _MESSAGE.fullmatch(frame)
    return match is not None and (match[1] == _CONNECT or (match[1] == _EVENT and match[2] != ""))


def is_answer(frame: str) -> bool:
    """Whether a ``frame`` of the server answers one of a client: a connection, an ack, an error."""
    return frame.startswith(("40", "43", "44"))


def _short_int(digits: str) -> int:
    # The protocol library raises for longer ones, outside of where it answers.
    if len(digits) > 100:
        raise ValueError("the number has more than 100 digits")
    return int(digits)
