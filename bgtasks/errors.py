"""Every error that bgtasks raises on purpose, in one tree.

::

    BackgroundTasksError
    ├── SettingsError               a setting or option is not acceptable
    ├── RegistrationError           a task/worker pair cannot be registered
    │   └── UnregisteredTaskError   a task of a type that nobody registered
    ├── SerializationError          a task or payload does not survive the way to JSON and back
    │   └── PayloadTooLargeError    its JSON is larger than a record may be
    ├── DuplicateTaskError          a task with this id or key was accepted before
    ├── TaskNotFoundError           no task with this id
    ├── ScheduleNotFoundError       no schedule with this name
    ├── NotAllowedError             the policy does not let this requester do that
    ├── TaskStateError              the task's status does not allow this
    ├── TaskCancelled               raised inside a worker: its cancellation was asked for
    ├── AttemptTimeoutError         an attempt took longer than its ``timeout``
    ├── ManagerStateError           the manager is not started, or stopped
    ├── QueryError                  a filter, limit or cursor that cannot be used
    └── BackendError                the store could not do what was asked
        ├── BackendBusyError        another process owns the file
        └── SchemaVersionError      the file was written by a newer release, or is not ours

Every message names the value, what was expected and what to do about it.
"""

from uuid import UUID


class BackgroundTasksError(Exception):
    """The root: catch this to catch every error that bgtasks raises on purpose."""


class SettingsError(BackgroundTasksError, ValueError):
    """A setting or a registration option has a value that cannot be used."""


class RegistrationError(BackgroundTasksError):
    """A task/worker pair cannot be registered as it was given."""


class UnregisteredTaskError(RegistrationError):
    """A task was submitted whose class was not registered with ``background_task(...)``."""


class SerializationError(BackgroundTasksError, ValueError):
    """A task or payload cannot be turned into JSON, or its JSON cannot be read back."""


class PayloadTooLargeError(SerializationError):
    """The JSON of a task or payload is larger than a stored record may be."""


class DuplicateTaskError(BackgroundTasksError):
    """A task with the same id or key was accepted before; nothing was changed.

    ``existing`` is its id; ``None`` where one of several ids was taken and it is not known which.
    """

    def __init__(self, message: str, existing: UUID | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class TaskNotFoundError(BackgroundTasksError, LookupError):
    """There is no task with this id: there never was one, or it was pruned."""


class ScheduleNotFoundError(BackgroundTasksError, LookupError):
    """There is no schedule with this name, or none that this process can run."""


class NotAllowedError(BackgroundTasksError):
    """The policy does not let this requester do that."""


class TaskStateError(BackgroundTasksError):
    """The task's present status does not allow what was asked.

    ``existing`` is the id of the task that holds the key of this one, if that is the reason.
    """

    def __init__(self, message: str, existing: UUID | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class TaskCancelled(BackgroundTasksError):  # noqa: N818 - it is a signal like CancelledError
    """Raised inside a worker to end its attempt because cancellation was asked for."""


class AttemptTimeoutError(BackgroundTasksError, TimeoutError):
    """An attempt took longer than the ``timeout`` its task type was registered with."""


class ManagerStateError(BackgroundTasksError):
    """The manager was used before it was started or after it was stopped."""


class QueryError(BackgroundTasksError, ValueError):
    """A filter, limit or cursor of a listing cannot be used."""


class BackendError(BackgroundTasksError):
    """The store could not do what was asked; nothing was lost that had been accepted."""


class BackendBusyError(BackendError):
    """Another process owns the database file."""


class SchemaVersionError(BackendError):
    """The database was written by a newer release, or by another program."""
