"""Typed background tasks inside a Python web application, whose users follow them live."""

from bgtasks.blocking import BlockingTaskManager
from bgtasks.cancellation import CancellationToken
from bgtasks.clock import Clock
from bgtasks.containers import BackgroundTasksContainer, background_task
from bgtasks.core.query import BackgroundTaskPage
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
    SchemaVersionError,
    SerializationError,
    SettingsError,
    TaskCancelled,
    TaskNotFoundError,
    TaskStateError,
    UnregisteredTaskError,
)
from bgtasks.manager import BackgroundTaskManager
from bgtasks.models import (
    AttemptFailure,
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskState,
    BackgroundTaskStatus,
    ProcessInfo,
)
from bgtasks.registration import Registration, Retry
from bgtasks.settings import Settings
from bgtasks.web.policy import BackgroundTaskPolicy, Requester
from bgtasks.worker import BackgroundWorker, BackgroundWorkerContext

__version__ = "0.1.0"

__all__ = [
    "AttemptFailure",
    "AttemptTimeoutError",
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
    "CancellationToken",
    "Clock",
    "DuplicateTaskError",
    "ManagerStateError",
    "NotAllowedError",
    "PayloadTooLargeError",
    "ProcessInfo",
    "QueryError",
    "Registration",
    "RegistrationError",
    "Requester",
    "Retry",
    "SchemaVersionError",
    "SerializationError",
    "Settings",
    "SettingsError",
    "TaskCancelled",
    "TaskNotFoundError",
    "TaskStateError",
    "UnregisteredTaskError",
    "background_task",
]
