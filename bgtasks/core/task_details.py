"""What is known of a task beside its snapshot: for operators, and not for whoever watches it."""

from datetime import datetime
from typing import Any

from attrs import frozen

from bgtasks.core.codec.json_text import decode, encode, sendable
from bgtasks.core.record import AFTER_ID

__all__ = ["TaskDetails", "arguments_text"]


@frozen(kw_only=True)
class TaskDetails:
    """What a task was submitted with, and how its type is registered in this process.

    ``arguments_json`` is the JSON of its arguments, with keys in camelCase. ``changed_at`` is when
    its newest revision was made (timezone-aware UTC). ``max_attempts`` and ``timeout`` (seconds)
    are those of its type; ``None`` where there is no timeout, and both for an unregistered type.
    """

    arguments_json: str
    priority: int
    changed_at: datetime
    max_attempts: int | None
    timeout: float | None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments as JSON data."""
        data: dict[str, Any] = decode(self.arguments_json)
        return data


def arguments_text(data: str) -> str:
    """The JSON of the arguments in the stored ``data`` of a task, which has its id, too. Lone
    surrogates become ``?``, as in all that is shown."""
    end = AFTER_ID - 1
    if data.startswith('{"id":"') and data[end - 1 : end + 1] in ('",', '"}'):
        return sendable(f"{{{data[end:].removeprefix(',')}")
    fields = decode(data)
    fields.pop("id", None)
    return sendable(encode(fields))
