"""Typed background tasks inside a Python web application, whose users follow them live.

A name is imported when it is first used: ``import bgtasks`` by itself loads nothing else.
"""

from typing import TYPE_CHECKING

from bgtasks.lazy_names import lazy_names
from bgtasks.version import __version__ as __version__

# For readers and type checkers. ``_HOMES`` says the same at run time; a test compares both.
if TYPE_CHECKING:
    from bgtasks.blocking import BlockingTaskManager
    from bgtasks.cancellation import CancellationToken
    from bgtasks.clock import Clock
    from bgtasks.containers import BackgroundTasksContainer, background_task, schedule
    from bgtasks.core.limits import PerKey, Rate
    from bgtasks.core.query import BackgroundTaskPage
    from bgtasks.core.retention import Retention
    from bgtasks.core.retry import Retry
    from bgtasks.core.schedules.cron import Cron
    from bgtasks.core.schedules.every import Every
    from bgtasks.core.task_details import TaskDetails
    from bgtasks.core.task_filter import TaskFilter
    from bgtasks.core.task_log import LogLine, Logs, TaskLog
    from bgtasks.core.task_types import TypeInfo
    from bgtasks.core.unique import Unique
    from bgtasks.errors import (
        AttemptTimeoutError,
        BackendBusyError,
        BackendError,
        BackgroundTasksError,
        DuplicateTaskError,
        ManagerStateError,
        NotAllowedError,
        PayloadTooLargeError,
        QueryError,
        RegistrationError,
        ScheduleNotFoundError,
        SchemaVersionError,
        SerializationError,
        SettingsError,
        TaskCancelled,
        TaskNotFoundError,
        TaskStateError,
        UnregisteredTaskError,
    )
    from bgtasks.manager import BackgroundTaskManager
    from bgtasks.manager.current import current_manager
    from bgtasks.models import (
        Attempt,
        AttemptError,
        AttemptProcess,
        Attention,
        BackgroundTaskBase,
        BackgroundTaskInfo,
        BackgroundTaskState,
        BackgroundTaskStatus,
        BulkResult,
        FailureFacet,
        FailureGroup,
        History,
        HistoryPoint,
        OldestWaiting,
        Percentiles,
        ProcessCounts,
        ProcessInfo,
        ScheduleInfo,
        Stats,
        Submission,
    )
    from bgtasks.registration import Registration
    from bgtasks.settings import Settings
    from bgtasks.web.policy import BackgroundTaskPolicy, Requester
    from bgtasks.worker import BackgroundWorker, BackgroundWorkerContext

__all__ = [
    "Attempt",
    "AttemptError",
    "AttemptProcess",
    "AttemptTimeoutError",
    "Attention",
    "BackendBusyError",
    "BackendError",
    "BackgroundTaskBase",
    "BackgroundTaskInfo",
    "BackgroundTaskManager",
    "BackgroundTaskPage",
    "BackgroundTaskPolicy",
    "BackgroundTaskState",
    "BackgroundTaskStatus",
    "BackgroundTasksContainer",
    "BackgroundTasksError",
    "BackgroundWorker",
    "BackgroundWorkerContext",
    "BlockingTaskManager",
    "BulkResult",
    "CancellationToken",
    "Clock",
    "Cron",
    "DuplicateTaskError",
    "Every",
    "FailureFacet",
    "FailureGroup",
    "History",
    "HistoryPoint",
    "LogLine",
    "Logs",
    "ManagerStateError",
    "NotAllowedError",
    "OldestWaiting",
    "PayloadTooLargeError",
    "PerKey",
    "Percentiles",
    "ProcessCounts",
    "ProcessInfo",
    "QueryError",
    "Rate",
    "Registration",
    "RegistrationError",
    "Requester",
    "Retention",
    "Retry",
    "ScheduleInfo",
    "ScheduleNotFoundError",
    "SchemaVersionError",
    "SerializationError",
    "Settings",
    "SettingsError",
    "Stats",
    "Submission",
    "TaskCancelled",
    "TaskDetails",
    "TaskFilter",
    "TaskLog",
    "TaskNotFoundError",
    "TaskStateError",
    "TypeInfo",
    "Unique",
    "UnregisteredTaskError",
    "background_task",
    "current_manager",
    "schedule",
]

_HOMES = {
    "blocking": ["BlockingTaskManager"],
    "cancellation": ["CancellationToken"],
    "clock": ["Clock"],
    "containers": ["BackgroundTasksContainer", "background_task", "schedule"],
    "core.limits": ["PerKey", "Rate"],
    "core.query": ["BackgroundTaskPage"],
    "core.retention": ["Retention"],
    "core.task_details": ["TaskDetails"],
    "core.task_filter": ["TaskFilter"],
    "core.task_log": ["LogLine", "Logs", "TaskLog"],
    "core.task_types": ["TypeInfo"],
    "core.unique": ["Unique"],
    "core.retry": ["Retry"],
    "core.schedules.cron": ["Cron"],
    "core.schedules.every": ["Every"],
    "errors": [
        "AttemptTimeoutError",
        "BackendBusyError",
        "BackendError",
        "BackgroundTasksError",
        "DuplicateTaskError",
        "ManagerStateError",
        "NotAllowedError",
        "PayloadTooLargeError",
        "QueryError",
        "RegistrationError",
        "ScheduleNotFoundError",
        "SchemaVersionError",
        "SerializationError",
        "SettingsError",
        "TaskCancelled",
        "TaskNotFoundError",
        "TaskStateError",
        "UnregisteredTaskError",
    ],
    "manager": ["BackgroundTaskManager"],
    "manager.current": ["current_manager"],
    "models": [
        "Attempt",
        "AttemptError",
        "AttemptProcess",
        "FailureFacet",
        "FailureGroup",
        "Attention",
        "BackgroundTaskBase",
        "BackgroundTaskInfo",
        "BackgroundTaskState",
        "BackgroundTaskStatus",
        "BulkResult",
        "History",
        "HistoryPoint",
        "OldestWaiting",
        "Percentiles",
        "ProcessCounts",
        "ProcessInfo",
        "Stats",
        "Submission",
        "ScheduleInfo",
    ],
    "registration": ["Registration"],
    "settings": ["Settings"],
    "web.policy": ["BackgroundTaskPolicy", "Requester"],
    "worker": ["BackgroundWorker", "BackgroundWorkerContext"],
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
