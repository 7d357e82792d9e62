"""The keys of unique tasks: which one a new task has, and how long it holds it.

A task that holds a key has it as ``held_key``, which no other stored task may have. It frees the
key with the change that ends it or starts it (``key_rule``), but not before ``key_until``: then the
key stays, and whoever submits a task with it later finds that it has expired. ``key`` stays for
life, for a retry by hand to take it again.
"""

from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from bgtasks.core.key_values import key_values, ordered_json
from bgtasks.core.record import NOT_YET, TaskRecord
from bgtasks.core.text import shown
from bgtasks.core.unique import BY_CALLER, Unique
from bgtasks.errors import SettingsError
from bgtasks.models import BackgroundTaskBase

__all__ = [
    "FOLLOWED",
    "UNTIL_ENDED",
    "UNTIL_STARTED",
    "behind",
    "has_expired",
    "held_after_claim",
    "held_after_end",
    "held_after_retry",
    "key_behind",
    "keyed",
]

UNTIL_STARTED: Final = "started"
"""A ``key_rule``: the first claim frees the key."""

UNTIL_ENDED: Final = "ended"
"""The change that makes the task final frees the key."""

FOLLOWED: Final = "followed"
"""The same, and one more task may wait behind this one, which then gets the key."""

MAX_TEXT = 10_000
"""The longest text, in characters, that a function given as ``by`` may return."""


def keyed(
    record: TaskRecord, task: BackgroundTaskBase, unique: Unique | None, key: str | None
) -> TaskRecord:
    """The record of a new task with the key that it is to hold: the caller's ``key``, or what its
    type is ``unique`` by. Raises SettingsError for what a function given as ``by`` returns."""
    unique = unique or BY_CALLER
    whose = [] if unique.across_owners else [record.owner]
    what = ["key", key] if key is not None else _named(record, task, unique.by)
    text = ordered_json([record.type, whose, what])
    digest = blake2b(text.encode(), digest_size=20).hexdigest()
    until = None if unique.at_least is None else record.created_at + unique.at_least
    return record._replace(key=digest, held_key=digest, key_until=until, key_rule=_rule(unique))


def key_behind(key: str) -> str:
    """The key of the one task that may wait behind the holder of ``key``."""
    return f"{key}+"


def behind(record: TaskRecord) -> TaskRecord:
    """The record of a new task, as one that waits until the running holder of its key has ended."""
    assert record.key is not None  # noqa: S101 - it has met another one with its key
    return record._replace(held_key=key_behind(record.key), due_at=NOT_YET, held=False)


def is_behind(record: TaskRecord) -> bool:
    """Whether a task waits behind the holder of its key."""
    return record.key is not None and record.held_key == key_behind(record.key)


def has_expired(record: TaskRecord, now: datetime) -> bool:
    """Whether a task holds its key only because nobody has asked for it since its time."""
    was_started = record.key_rule == UNTIL_STARTED and record.attempt > 0
    until = record.key_until
    return (was_started or record.status.is_final) and until is not None and until <= now


def held_after_claim(record: TaskRecord, now: datetime) -> str | None:
    """The key that a task holds once it has been claimed."""
    return _expiring(record, now) if record.key_rule == UNTIL_STARTED else record.held_key


def held_after_end(record: TaskRecord, now: datetime) -> str | None:
    """The key that a task holds once it is final."""
    return None if is_behind(record) else _expiring(record, now)


def held_after_retry(record: TaskRecord) -> str | None:
    """The key that a final task holds once it waits again."""
    was_started = record.key_rule == UNTIL_STARTED and record.attempt > 0
    return record.held_key if was_started else record.key


def _expiring(record: TaskRecord, now: datetime) -> str | None:
    until = record.key_until
    return record.held_key if until is not None and until > now else None


def _rule(unique: Unique) -> str:
    if unique.until == "started":
        return UNTIL_STARTED
    return FOLLOWED if unique.conflict == "replace" else UNTIL_ENDED


def _named(record: TaskRecord, task: BackgroundTaskBase, by: Any) -> list[Any]:
    """What the named fields say, or the function."""
    if callable(by):
        text = by(task)
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise SettingsError(
                f"the function in Unique(by=...) returned {shown(text)} for a {record.type}; "
                f"expected a text of at most {MAX_TEXT:,} characters"
            )
        return ["function", text]
    return ["fields", key_values(task, record.data, by)]
