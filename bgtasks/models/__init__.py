"""What a task is and how it looks from outside; what the manager tells of what it does."""

from bgtasks.models.attempts import Attempt, AttemptError, AttemptProcess
from bgtasks.models.failures import FailureFacet, FailureGroup
from bgtasks.models.info import (
    BackgroundTaskInfo,
    LightTaskInfo,
    Submission,
    TaskSchedule,
    WaitingFor,
    kept,
)
from bgtasks.models.operations import BulkResult, Health, ProcessInfo
from bgtasks.models.schedules import ScheduleInfo, TickInfo
from bgtasks.models.statistics import (
    Attention,
    AttentionKind,
    History,
    HistoryPoint,
    OldestWaiting,
    Percentiles,
    ProcessCounts,
    Stats,
)
from bgtasks.models.stored_json import StoredJson
from bgtasks.models.task import (
    UNSET,
    BackgroundTaskBase,
    BackgroundTaskState,
    BackgroundTaskStatus,
    Unset,
)

__all__ = [
    "UNSET",
    "Attempt",
    "AttemptError",
    "AttemptProcess",
    "Attention",
    "AttentionKind",
    "BackgroundTaskBase",
    "BackgroundTaskInfo",
    "BackgroundTaskState",
    "BackgroundTaskStatus",
    "BulkResult",
    "FailureFacet",
    "FailureGroup",
    "Health",
    "History",
    "HistoryPoint",
    "LightTaskInfo",
    "OldestWaiting",
    "Percentiles",
    "ProcessCounts",
    "ProcessInfo",
    "ScheduleInfo",
    "Stats",
    "StoredJson",
    "Submission",
    "TaskSchedule",
    "TickInfo",
    "Unset",
    "WaitingFor",
    "kept",
]
