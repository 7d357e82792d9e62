"""What users submit and workers see: the task base, its status, its state."""

import inspect
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, Generic, Literal
from uuid import UUID

from attrs import field, frozen
from attrs.validators import instance_of
from typing_extensions import TypeVar

from bgtasks.ids import uuid7

__all__ = [
    "UNSET",
    "BackgroundTaskBase",
    "BackgroundTaskState",
    "BackgroundTaskStatus",
    "Unset",
]


TPayload = TypeVar("TPayload")


class BackgroundTaskStatus(StrEnum):
    """The five states of a task; the values are what goes over the wire."""

    PENDING = "Pending"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    is_final: bool
    """Whether a task in this status no longer changes by itself."""

    def __init__(self, value: str) -> None:
        # No property: each task is asked several times, by what runs the most often.
        self.is_final = value not in ("Pending", "Running")


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


class _Unset(Enum):
    UNSET = "UNSET"


Unset = Literal[_Unset.UNSET]
UNSET: Final = _Unset.UNSET
"""The default of arguments that leave a field as it is (``None`` clears it)."""
