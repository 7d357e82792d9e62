"""What a task is and how it looks from outside: the task base, its status, its snapshots."""

import inspect
from collections.abc import Callable
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, ClassVar, Final, Generic, Literal
from uuid import UUID

from attrs import field, frozen
from attrs.validators import instance_of
from typing_extensions import TypeVar

from bgtasks.ids import uuid7

__all__ = [
    "UNSET",
    "AttemptFailure",
    "BackgroundTaskBase",
    "BackgroundTaskInfo",
    "BackgroundTaskState",
    "BackgroundTaskStatus",
    "BulkResult",
    "Health",
    "LightTaskInfo",
    "ProcessInfo",
    "ScheduleInfo",
    "StoredJson",
    "Submission",
    "TaskSchedule",
    "TickInfo",
    "Unset",
    "WaitingFor",
    "kept",
]

TPayload = TypeVar("TPayload")
TResult = TypeVar("TResult", default=Any)

WaitingFor = Literal["time", "turn"]
"""Why a task that is not final does not run: its time has not come, or its turn."""


class BackgroundTaskStatus(StrEnum):
    """The five states of a task; the values are what goes over the wire."""

    PENDING = "Pending"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def is_final(self) -> bool:
        """Whether a task in this status no longer changes by itself."""
        return self is not _PENDING and self is not _RUNNING


_PENDING, _RUNNING = BackgroundTaskStatus.PENDING, BackgroundTaskStatus.RUNNING


@frozen(kw_only=True)
class BackgroundTaskBase:
    """A request to do something. Subclass it with attrs and add the fields the work needs.

    ``id`` is a UUID, by default a version-7 one (time-ordered, RFC 9562). The fields of a
    subclass are stored as JSON, so each must be of a type that can be turned into JSON and back:
    str, numbers, bool, dates, UUID, Path, enums, attrs classes, dataclasses, Pydantic models, and
    lists, dicts or optionals of those. A task that would not come back equal is refused.
    """

    id: UUID = field(factory=uuid7, validator=instance_of(UUID))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" in cls.__dict__ or "type" in inspect.get_annotations(cls):
            raise TypeError(
                f"{cls.__name__} defines 'type', which is reserved: the type of a task is its "
                f"class name; give another with background_task({cls.__name__}, ..., type_name=...)"
            )

    @property
    def type(self) -> str:
        """The class name. Registration may store the task under another (``type_name=``)."""
        return self.__class__.__name__

    @property
    def display_name(self) -> str:
        """What people see as the task's name; override it. Default: ``type``."""
        return self.type

    @property
    def initial_status_message(self) -> str | None:
        """The status message of a task that waits for its first attempt; override it."""
        return "Pending"


@frozen
class BackgroundTaskState(Generic[TPayload]):
    """One whole snapshot of a task as its worker sees it. Times are timezone-aware UTC.

    ``progress`` is 0.0 to 100.0; ``payload`` is what the worker reports beside the progress.
    """

    id: UUID
    type: str
    name: str
    payload: TPayload | None
    status: BackgroundTaskStatus
    progress: float
    status_message: str | None
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


@frozen
class TaskSchedule:
    """Which schedule submitted a task, and for which of its ticks: the time it should have been,
    timezone-aware UTC. ``tick`` is ``None`` where somebody had the schedule run by hand."""

    name: str
    tick: datetime | None


@frozen
class BackgroundTaskInfo(Generic[TPayload, TResult]):
    """What HTTP and Socket.IO send: the state of a task and what the store knows of it.

    ``revision`` goes up by one with every published change: of two snapshots of one task the
    one with the higher revision is the newer, in any order of arrival. ``attempt`` counts
    from 1, and is 0 before the first. ``scheduled_at`` is when a delayed or retried task may
    start. ``waiting_for`` says why a task that is not final does not run: ``"time"``, its time has
    not come; ``"turn"``, as many tasks of its key run as may (:class:`~bgtasks.PerKey`), or
    it waits behind the running one (:class:`~bgtasks.Unique`); ``None``
    where it runs, is final, or only waits for a free slot.
    ``schedule`` says which schedule submitted the task, if one did.
    ``payload`` is of the registered payload type, or plain JSON data where that type is
    unknown; the object is made at the first read.
    ``result`` is what the worker returned (``None`` before the task is ``Completed``), of the
    registered result type like the payload.
    Lists carry payloads and results of up to 4,096 characters of JSON: a larger one is ``None``
    there, and ``payload_omitted`` is true. The wire carries ``payloadOmitted`` only where it is
    true.
    """

    payload_omitted: ClassVar[bool] = False

    id: UUID
    type: str
    name: str
    payload: TPayload | None
    status: BackgroundTaskStatus
    progress: float
    status_message: str | None
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    revision: int
    attempt: int
    cancel_requested: bool
    scheduled_at: datetime | None
    owner: str | None
    waiting_for: WaitingFor | None = None
    schedule: TaskSchedule | None = None
    result: TResult | None = None

    def to_json(self) -> str:
        """The snapshot as HTTP and Socket.IO send it: one JSON object in ASCII, keys in camelCase.

        Raises TypeError for a payload that cannot be turned into JSON.
        """
        from bgtasks.core.codec.wire import info_text  # at the call: the codec knows the models

        return info_text(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Lets Pydantic and FastAPI use ``BackgroundTaskInfo[Payload]`` as the type of a field, an
        answer or a request. They send what ``to_json`` returns."""
        from bgtasks.core.codec.wire import pydantic_schema

        return pydantic_schema(source, handler)


@frozen
class LightTaskInfo(BackgroundTaskInfo[TPayload, TResult]):
    """A snapshot whose ``payload`` or ``result`` is ``None`` only because it is too large where it
    is shown.

    A class and not a field: what is left out here is no property of the task.
    """

    payload_omitted: ClassVar[bool] = True


@frozen
class Submission:
    """What became of a submitted task.

    ``accepted``: it was accepted, and ``id`` is its own. Otherwise ``id`` is that of the task that
    holds its key. ``info`` is the snapshot of the task with this id.
    """

    id: UUID
    accepted: bool
    info: BackgroundTaskInfo[Any]


class StoredJson:
    """Stands for the payload or the result in a snapshot of a stored task. Its JSON ``text`` is
    sent as it is; ``decode`` makes the object once, at the first read."""

    __slots__ = ("_decode", "_object", "text")

    def __init__(self, text: str, decode: Callable[[], Any]) -> None:
        self.text = text
        self._decode: Callable[[], Any] | None = decode
        self._object: Any = None

    @property
    def object(self) -> Any:
        """What was stored."""
        if (decode := self._decode) is not None:
            self._object = decode()
            self._decode = None
        return self._object


class _JsonField:
    """A field of ``BackgroundTaskInfo`` in which a StoredJson reads as its object."""

    def __init__(self, slot: Any) -> None:
        self.kept = slot.__get__
        self._keep = slot.__set__

    def __get__(self, info: Any, owner: Any = None) -> Any:
        if info is None:
            return self
        kept = self.kept(info)
        return kept.object if type(kept) is StoredJson else kept

    def __set__(self, info: Any, value: Any) -> None:
        self._keep(info, value)


_json_fields = {name: _JsonField(vars(BackgroundTaskInfo)[name]) for name in ("payload", "result")}
# Set after attrs made the class, so that equality, repr, evolve and pickling read the object.
for _name, _field in _json_fields.items():
    setattr(BackgroundTaskInfo, _name, _field)


def kept(info: BackgroundTaskInfo[Any], name: Literal["payload", "result"]) -> Any:
    """The payload or the result of ``info``, or the :class:`StoredJson` that stands for it."""
    return _json_fields[name].kept(info)


@frozen
class AttemptFailure:
    """How one attempt ended badly. Kept for every attempt that failed or was interrupted.

    ``kind`` is ``"failed"``, ``"timed out"`` or ``"interrupted"``; ``traceback`` is the text of the
    exception's traceback, its oldest part cut beyond 32,000 characters, or ``None`` where
    there was no exception (a crash of the process).
    """

    attempt: int
    kind: str
    error_message: str
    traceback: str | None
    ended_at: datetime


@frozen(kw_only=True)
class Health:
    """``trouble`` says in words what keeps the manager from working, ``None`` if nothing does.

    ``running`` attempts run now, of at most ``max_concurrency``. ``blocked_for`` is for how many
    seconds the event loop has been blocked (0: it is not).
    """

    trouble: str | None
    running: int = 0
    max_concurrency: int = 0
    blocked_for: float = 0.0


@frozen(kw_only=True)
class ProcessInfo:
    """One process that has its manager running. Times are timezone-aware UTC.

    ``id`` is new with each start of a manager. ``runs_tasks`` is false for a process that only
    submits and shows tasks. ``types`` are the task types it runs. ``running`` attempts ran in it at
    ``seen_at``, its last heartbeat, of at most ``max_concurrency``. ``alive`` says whether that
    heartbeat is recent enough.
    """

    id: UUID
    host: str
    pid: int
    runs_tasks: bool
    types: tuple[str, ...]
    running: int
    max_concurrency: int
    started_at: datetime
    seen_at: datetime
    alive: bool


@frozen(kw_only=True)
class TickInfo:
    """One tick of a schedule that has come. ``outcome`` is ``"submitted"`` (``task`` is the id of
    its task), ``"skipped"`` (the task before it had not ended), ``"missed"`` (nobody was there, and
    it was too late) or ``"failed"`` (``message`` says why). ``missed`` ticks before it were missed.
    """

    tick: datetime
    outcome: Literal["submitted", "skipped", "missed", "failed"]
    task: UUID | None = None
    missed: int = 0
    message: str | None = None


@frozen(kw_only=True)
class ScheduleInfo:
    """A schedule as it is stored. Times are timezone-aware UTC.

    ``type`` is the type of its tasks. ``spec`` is the cron expression, or the time between two
    ticks; ``in_words`` explains it. ``next_tick`` is ``None`` while it is paused, and ``upcoming``
    has the next five. ``last_tick`` is the newest one that has come, whatever became of it;
    ``last_task`` the newest task; ``skipped`` counts ticks that came while a task before them had
    not ended; ``last_error`` says why the last tick that failed did. ``ticks`` has the last twenty
    that have come, the newest first. ``registered`` says whether a process that is there now has
    the schedule; one that nobody has is dropped after seven days.
    """

    name: str
    type: str
    spec: str
    timezone: str
    paused: bool
    next_tick: datetime | None
    last_tick: datetime | None
    last_task: UUID | None
    skipped: int
    last_error: str | None
    in_words: str
    paused_at: datetime | None = None
    upcoming: tuple[datetime, ...] = ()
    ticks: tuple[TickInfo, ...] = ()
    registered: bool = True


class _Unset(Enum):
    UNSET = "UNSET"


Unset = Literal[_Unset.UNSET]
UNSET: Final = _Unset.UNSET
"""The default of arguments that leave a field as it is (``None`` clears it)."""


@frozen(kw_only=True)
class BulkResult:
    """What became of all tasks that fitted a filter: ``done`` were changed, and ``gone`` had moved
    on meanwhile, or could not be changed for another task that holds their key. Together they are
    the ``matched`` ones."""

    matched: int
    done: int
    gone: int
