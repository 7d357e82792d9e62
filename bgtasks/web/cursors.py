"""Where the next page of a listing begins, as a text that only a client's next request uses."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64Error
from uuid import UUID

from bgtasks.errors import QueryError

__all__ = ["listing_mark", "read_cursor", "refused_cursor", "write_cursor"]

_ID = 16
_MARK = 8


def listing_mark(*what: object) -> bytes:
    """A digest of filter and identity, which tells one listing of one requester from another."""
    text = json.dumps(what)
    return hashlib.blake2b(text.encode(), digest_size=_MARK).digest()


def write_cursor(task_id: UUID, mark: bytes) -> str:
    """The cursor of the page that comes after this task, which the requester has been shown.

    It says nothing that the requester does not know: no place in the order of all tasks, and not
    whether there are tasks in between that are hidden. So it needs no key that the processes
    would have to share.
    """
    return urlsafe_b64encode(task_id.bytes + mark).decode()


def read_cursor(text: str, mark: bytes) -> UUID:
    """The task after which the page comes. Raises QueryError for the cursor of another listing,
    or another requester's, and for what is no cursor."""
    try:
        data = urlsafe_b64decode(text.encode())
    except (ValueError, NoBase64Error):
        data = b""
    if (
        len(data) != _ID + _MARK
        or data[_ID:] != mark
        or write_cursor(UUID(bytes=data[:_ID]), mark) != text
    ):
        raise refused_cursor(text)
    return UUID(bytes=data[:_ID])


def refused_cursor(text: str) -> QueryError:
    """The error for a cursor that leads nowhere. It does not tell why: that would say whether a
    task exists."""
    return QueryError(
        f"cursor is {text!r:.100}; accepted: the nextCursor of a page that you were given with the "
        f"same filters, as long as its last task is there for you to see. Begin again without one"
    )
