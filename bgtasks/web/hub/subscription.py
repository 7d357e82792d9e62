"""Which tasks a client follows."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from attrs import frozen
from starlette.datastructures import QueryParams

from bgtasks.models import BackgroundTaskInfo
from bgtasks.web.protocol import MAX_IDS, MAX_LOGS, MAX_TYPE, MAX_TYPES, SUBSCRIBE, parse_task_id

__all__ = ["EVERYTHING", "NOTHING", "MessageError", "Subscription"]


class MessageError(ValueError):
    """A client's message has a form that is not accepted; the text is sent to the client."""


@frozen
class Subscription:
    """A task is followed if its type is in ``types`` or its id in ``ids``; with neither, all are.

    ``None`` is what was not given. Large payloads are sent of the tasks in ``ids`` and, where they
    are followed, of those in ``payloads``. New lines are sent of the tasks in ``logs``, which need
    not be followed beside. ``stats``: how things are is sent once a second, where it has changed.
    """

    types: frozenset[str] | None = None
    ids: frozenset[UUID] | None = None
    payloads: frozenset[UUID] = frozenset()
    logs: frozenset[UUID] = frozenset()
    stats: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether all tasks are followed."""
        return self.types is None and self.ids is None

    def matches(self, info: BackgroundTaskInfo[Any]) -> bool:
        """Whether ``info`` is followed."""
        if self.is_everything:
            return True
        return info.type in (self.types or ()) or info.id in (self.ids or ())

    def wants_payload(self, info: BackgroundTaskInfo[Any]) -> bool:
        """Whether the payload of ``info`` is sent also if it is large."""
        return info.id in (self.ids or ()) or info.id in self.payloads

    @classmethod
    def from_message(cls, message: object) -> "Subscription":
        """What ``Subscribe`` asks for: ``{types?, ids?, payloads?, logs?, view?, all?}``. With a
        view, no tasks are followed that are not named, unless ``all`` are. Raises MessageError,
        which says what is wrong and what is accepted.
        """
        if message is None:
            return EVERYTHING
        if not isinstance(message, Mapping):
            raise MessageError(f"{SUBSCRIBE} got {_kind(message)}; accepted: {_ACCEPTED}")
        for name in message:
            if name not in ("types", "ids", "payloads", "logs", "view", "all"):
                raise MessageError(f"{SUBSCRIBE} got {str(name)[:100]!r}; accepted: {_ACCEPTED}")
        return _following(
            _types(message.get("types")),
            _ids("ids", message.get("ids")),
            _ids("payloads", message.get("payloads")),
            _ids("logs", message.get("logs"), MAX_LOGS),
            stats=_is_of_stats(message.get("view")),
            is_all=_is_all(message.get("all")),
        )

    @classmethod
    def from_query(cls, query: QueryParams) -> "Subscription":
        """What the query string of an event stream asks for: ``type``, ``ids`` and ``logs``,
        repeated or, for ids, separated by commas. Raises MessageError.
        """
        for name in query:
            if name not in ("type", "ids", "logs"):
                raise MessageError(f"unknown parameter {name[:100]!r}; accepted: type, ids, logs")
        ids, logs = (
            ",".join(query.getlist(name)).split(",") if name in query else None
            for name in ("ids", "logs")
        )
        types = _types(query.getlist("type") or None)
        return _following(types, _ids("ids", ids), None, _ids("logs", logs, MAX_LOGS))

    @classmethod
    def from_connect(cls, query: QueryParams, auth: Mapping[str, Any] | None) -> "Subscription":
        """What a client asks for at connect: ``auth: {types: [...]}``, else ``?type=`` (may be
        repeated), else everything. Raises MessageError.
        """
        asked = (auth or {}).get("types")
        if asked is None:
            asked = query.getlist("type") or None
        return _following(_types(asked))


EVERYTHING = Subscription()
NOTHING = Subscription(frozenset(), frozenset())


_ACCEPTED = "{types?, ids?, payloads?, logs?, view?, all?}"


def _following(
    types: frozenset[str] | None,
    ids: frozenset[UUID] | None = None,
    payloads: frozenset[UUID] | None = None,
    logs: frozenset[UUID] | None = None,
    stats: bool = False,
    is_all: bool = False,
) -> Subscription:
    """The subscription to these; ``EVERYTHING`` is one object, which is quickly recognized."""
    if is_all:
        types = ids = None
    elif stats and types is None and ids is None:
        types, ids = frozenset(), frozenset()
    found = Subscription(types, ids, payloads or frozenset(), logs or frozenset(), stats)
    return EVERYTHING if found == EVERYTHING else found


def _is_of_stats(view: object) -> bool:
    if view not in (None, "stats"):
        shown = repr(view[:100]) if isinstance(view, str) else _kind(view)
        raise MessageError(f"view is {shown}; accepted: 'stats', or none")
    return view is not None


def _is_all(value: object) -> bool:
    if not isinstance(value, bool | None):
        raise MessageError(f"all is {_kind(value)}; accepted: true or false")
    return value is True


def _types(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    for item in _list("types", value, MAX_TYPES):
        if not isinstance(item, str) or not 0 < len(item) <= MAX_TYPE:
            shown = repr(item[:100]) if isinstance(item, str) else _kind(item)
            raise MessageError(f"types has {shown}; accepted: texts of 1 to {MAX_TYPE} characters")
    return frozenset(_list("types", value, MAX_TYPES))


def _ids(name: str, value: object, most: int = MAX_IDS) -> frozenset[UUID] | None:
    if value is None:
        return None
    return frozenset(parse_task_id(item) for item in _list(name, value, most))


def _list(name: str, value: object, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise MessageError(f"{name} is {_kind(value)}; accepted: a list")
    if len(value) > most:
        raise MessageError(f"{name} has {len(value)} items; accepted: at most {most}")
    return value


def _kind(value: object) -> str:
    """The JSON word for the type of ``value``, which may be too long or too deep to show."""
    words = {dict: "an object", list: "a list", str: "a text", bool: "a bool", type(None): "null"}
    return words.get(type(value), "a number")
