"""How a task looks from outside: its snapshots."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal
from uuid import UUID

from attrs import frozen
from typing_extensions import TypeVar

from bgtasks.models.stored_json import JsonField
from bgtasks.models.task import BackgroundTaskStatus

__all__ = [
    "BackgroundTaskInfo",
    "LightTaskInfo",
    "Submission",
    "TaskSchedule",
    "WaitingFor",
    "kept",
]


TPayload = TypeVar("TPayload")
TResult = TypeVar("TResult", default=Any)

WaitingFor = Literal["time", "turn"]
"""Why a task that is not final does not run: its time has not come, or its turn."""


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


_json_fields = {name: JsonField(vars(BackgroundTaskInfo)[name]) for name in ("payload", "result")}
# Set after attrs made the class, so that equality, repr, evolve and pickling read the object.
for _name, _field in _json_fields.items():
    setattr(BackgroundTaskInfo, _name, _field)


def kept(info: BackgroundTaskInfo[Any], name: Literal["payload", "result"]) -> Any:
    """The payload or the result of ``info``, or the :class:`StoredJson` that stands for it."""
    return _json_fields[name].kept(info)


@frozen
class Submission:
    """What became of a submitted task.

    ``accepted``: it was accepted, and ``id`` is its own. Otherwise ``id`` is that of the task that
    holds its key. ``info`` is the snapshot of the task with this id.
    """

    id: UUID
    accepted: bool
    info: BackgroundTaskInfo[Any]
