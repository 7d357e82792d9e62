"""The columns of a task, derived from the fields of its record: the same for every store.

A field that is added to ``TaskRecord`` needs a column of its name in each store. It is then
inserted, read, and written with each step of a task's life.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from attrs import frozen

from bgtasks.core.record import LEFT_OUT, SMALL_PAYLOAD, TaskRecord

__all__ = [
    "CANCELLED",
    "CHANGED",
    "ENDED",
    "FAILED",
    "INSERTED",
    "NO_DATA",
    "REPLACED",
    "REPORTED",
    "ColumnType",
    "ColumnTypes",
    "Columns",
    "are_none",
    "field_type",
    "without_large",
]

INSERTED = tuple(name for name in TaskRecord._fields if name != "sequence")
"""All but what the store gives."""

_FIXED = {
    *("id", "type", "name", "data", "created_at", "owner", "priority", "headers"),
    *("key", "key_until", "key_rule", "turn_key", "version"),
    *("schedule", "tick", "missed"),
}

CHANGED = tuple(name for name in INSERTED if name not in _FIXED)
"""What the steps of a task's life may change."""

REPLACED = ("name", "data", "version", "priority", "headers", "turn_key", *CHANGED)
"""What changes when another task is submitted in place of one that waits."""

REPORTED = (
    "progress",
    "payload",
    "status_message",
    "error_message",
    "changed_at",
    "revision",
)
"""What a report of a running attempt changes: few columns, and none with an index."""

ENDED = (*REPORTED, "status", "completed_at", "failures", "result")
"""What changes when a running attempt ends for good, and not by an interruption."""

FAILED = ("error_group", "failed_at")
"""What is kept of the newest failure of a task."""

CANCELLED = (
    "status",
    "cancel_requested",
    "completed_at",
    "scheduled_at",
    "due_at",
    "delayed",
    "held_key",
    "held",
    "changed_at",
    "revision",
)
"""What changes when somebody asks for the end of a task that waits or runs."""

Convert = Callable[[Any], Any]


@frozen
class ColumnType:
    """How a store keeps the values of one Python type: in columns of which type, and what they are
    there if they are not the same. ``None`` is NULL everywhere."""

    sql: str
    encode: Convert | None = None
    decode: Convert | None = None


ColumnTypes = Mapping[type, ColumnType]
"""How a store keeps the values of each Python type that a record has."""


def field_type(name: str, of: type[Any] = TaskRecord) -> tuple[type, bool]:
    """The Python type of a field of a record, or of another class, and whether ``None`` is a value
    of it."""
    hint = get_type_hints(of)[name]
    if get_origin(hint) is Literal:
        hint = type(get_args(hint)[0])
    types = [item for item in get_args(hint) or (hint,) if item is not NoneType]
    return types[0], NoneType in get_args(hint)


NO_DATA = {"data": f"'{LEFT_OUT}' AS data", "headers": "NULL AS headers"}
"""In place of the columns that only the process which runs a task needs."""


def without_large(length: str) -> dict[str, str]:
    """In place of the columns ``payload`` and ``result``: what lists show of them. ``length`` is
    the store's term for the bytes of a column ``{0}``, which must not read its value."""
    return {name: _small(name, length.format(name)) for name in ("payload", "result")}


def _small(name: str, length: str) -> str:
    return (
        f"CASE WHEN {length} <= {SMALL_PAYLOAD} THEN {name} "
        f"WHEN {name} IS NOT NULL THEN '{LEFT_OUT}' END AS {name}"
    )


class Columns:
    """Some of the columns (at least two), in a store's own types: of a task, or of another class
    whose fields are columns."""

    def __init__(
        self, names: Sequence[str], types: ColumnTypes, of: type[Any] = TaskRecord
    ) -> None:
        self.names = names
        fields = [field_type(name, of) for name in names]
        self.types: list[ColumnType] = [types[kind] for kind, _ in fields]
        nullable = [is_nullable for _, is_nullable in fields]
        self._of = of
        self._pick = _picker(names, of)
        self._encoders = _converters([item.encode for item in self.types], nullable)
        decoders = _converters([item.decode for item in self.types], nullable)
        places = [f"[{place}]" for place in range(len(names))]
        self.decode: Callable[[Any], tuple[Any, ...]] = _compiled(places, decoders)
        """What was encoded, from a row that begins with these columns."""
        if of is TaskRecord:
            places = [f"[{TaskRecord._fields.index(name)}]" for name in names]
        else:
            places = [f".{name}" for name in names]
        self.encode: Callable[[Any], tuple[Any, ...]] = _compiled(places, self._encoders)
        """The values of a record, as they are stored."""

    def each(self, template: str = "{}", **instead: str) -> str:
        """SQL with a term for each column: ``template`` filled with its name, or what it has
        ``instead``."""
        return ", ".join(instead.get(name, template.format(name)) for name in self.names)

    def arrays(self, records: Iterable[Any]) -> list[Sequence[Any]]:
        """The same of some records (not none), one array for each column."""
        arrays: list[Sequence[Any]]
        if self._of is TaskRecord:
            arrays = list(self._pick(list(zip(*records, strict=True))))
        else:
            arrays = list(zip(*map(self._pick, records), strict=True))
        for at, encode, is_nullable in self._encoders:
            arrays[at] = _encoded(arrays[at], encode) if is_nullable else [*map(encode, arrays[at])]
        return arrays


def _picker(names: Sequence[str], of: type[Any]) -> Convert:
    """Takes the values of some fields out of an object."""
    if of is TaskRecord:  # a tuple: by their places, which is quicker
        return itemgetter(*map(TaskRecord._fields.index, names))
    return attrgetter(*names)


_Converter = tuple[int, Convert, bool]
"""The place of a value, what converts it, and whether it may be ``None``, which stays."""


def _compiled(
    places: Sequence[str], converts: Sequence[_Converter]
) -> Callable[[Any], tuple[Any, ...]]:
    """A function that takes values from these places of an object, some of them converted. It is
    compiled once: each task goes through it several times."""
    terms = [f"it{place}" for place in places]
    scope: dict[str, Any] = {}
    for at, convert, is_nullable in converts:
        scope[f"convert_{at}"] = convert
        if is_nullable:
            terms[at] = f"None if (value := {terms[at]}) is None else convert_{at}(value)"
        else:
            terms[at] = f"convert_{at}({terms[at]})"
    exec(f"def take(it):\n    return ({', '.join(terms)},)", scope)  # noqa: S102 - our own names
    take: Callable[[Any], tuple[Any, ...]] = scope["take"]
    return take


def _converters(converts: Iterable[Convert | None], nullable: Iterable[bool]) -> list[_Converter]:
    """Those that there are."""
    return [
        (at, convert, is_nullable)
        for at, (convert, is_nullable) in enumerate(zip(converts, nullable, strict=True))
        if convert is not None
    ]


def _encoded(values: Sequence[Any], encode: Convert) -> Sequence[Any]:
    """The values of a column of which some may be ``None``; of most such columns all are."""
    if are_none(values):
        return values
    return [None if value is None else encode(value) for value in values]


def are_none(values: Sequence[Any]) -> bool:
    """Whether each of some values (at least one) is ``None``."""
    # What is no None may be slow to compare with it.
    return values[0] is None and values.count(None) == len(values)
