"""Which worker does which task, and how: the options of a task type."""

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, Generic, Literal, TypedDict, TypeVar, get_args, get_origin

import attrs
from attrs import field, frozen

from bgtasks.core.checks import (
    LONGEST_SECONDS,
    none_or,
    optional_seconds,
    refusal,
    seconds,
    whole,
)
from bgtasks.core.codec import TaskCodec
from bgtasks.core.durations import Duration
from bgtasks.core.hints import field_names, substituted
from bgtasks.core.limits import PerKey, Rate
from bgtasks.core.record import TaskRecord
from bgtasks.core.retention import Retention
from bgtasks.core.retry import NO_RETRY, Retry, retry_or_none
from bgtasks.core.task_log import Logs
from bgtasks.core.text import clean, shown
from bgtasks.core.unique import Unique
from bgtasks.core.versions import MAX_VERSION, Upgrade, Versions, checked_steps
from bgtasks.errors import RegistrationError
from bgtasks.models import BackgroundTaskBase
from bgtasks.worker import BackgroundWorker, WorkerOf

__all__ = ["Registration", "TaskOptions"]

P = TypeVar("P")


def _names(value: Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


class TaskOptions(TypedDict, Generic[P], total=False):
    """The options of :class:`Registration` as ``background_task`` takes them: each may be a value,
    or a provider ``P`` of one.

    Type checkers need them written out; a test shows that both agree.
    """

    max_concurrency: int | None | P
    rate: Rate | None | P
    per_key: PerKey | None | P
    retry: Retry | None | P
    timeout: Duration | None | P
    cancellation: Literal["task", "cooperative"] | P
    rerun_interrupted: bool | P
    max_interruptions: int | P
    unique: Unique | None | P
    retention: Retention | None | P
    logs: Logs | None | P
    type_name: str | P
    renamed_from: Sequence[str] | P
    version: int | P
    upgrade: Mapping[int, Upgrade] | P
    payload_type: Any
    result_type: Any


@frozen(kw_only=True)
class Registration:
    """One task type, the provider that builds its worker, and its options.

    - ``max_concurrency``: attempts of this type running at once, over all processes; ``None``:
      bounded by the process alone.
    - ``rate``: how often attempts of this type may start, over all processes: see
      :class:`~bgtasks.Rate`; ``None``: at any time.
    - ``per_key``: how many tasks of one owner, or with the same fields, run at once, over all
      processes: see :class:`~bgtasks.PerKey`; ``None``: any number.
    - ``retry``: see :class:`~bgtasks.Retry`; by default a failed task is not run again.
    - ``timeout``: how long one attempt may take: seconds, a timedelta, or a text such as
      ``"10 m"``; ``None``: any time.
    - ``cancellation``: ``"task"`` sets the token and cancels an async worker's coroutine,
      ``"cooperative"`` only sets the token.
    - ``rerun_interrupted``: whether a task that a stop or a crash interrupted runs again.
    - ``max_interruptions``: a task fails once crashes have interrupted this many of its attempts;
      stops are not counted.
    - ``unique``: see :class:`~bgtasks.Unique`; by default any number of equal tasks is accepted.
    - ``retention``: how long its final tasks are kept, by status: see :class:`~bgtasks.Retention`;
      what it leaves out is as the setting ``retention`` says.
    - ``logs``: what is kept of the log of each task: see :class:`~bgtasks.Logs`; ``None``: nothing.
    - ``type_name``: the name it is stored and sent under; default: the class name.
    - ``renamed_from``: names that tasks of this type were stored under before; such tasks run too.
    - ``version``: goes up by one whenever stored tasks could no longer be read (1 to 1,000,000).
    - ``upgrade``: for each older version a function from its JSON data to that of the next one.
    - ``payload_type``: what the worker reports; read from ``BackgroundWorker[Task, Payload]``.
    - ``result_type``: what the worker returns; read from
      ``BackgroundWorker[Task, Payload, Result]``; ``None``: nothing that is kept.
    """

    task_type: type[BackgroundTaskBase]
    worker_provider: Callable[[], Any]
    worker_type: type | None = None
    type_name: str = field()
    max_concurrency: int | None = field(
        default=None, validator=attrs.validators.optional(whole(1, 10_000))
    )
    rate: Rate | None = field(default=None, validator=none_or(Rate))
    per_key: PerKey | None = field(default=None, validator=none_or(PerKey))
    retry: Retry = field(default=NO_RETRY, converter=retry_or_none, validator=none_or(Retry))
    timeout: float | None = field(
        default=None,
        converter=optional_seconds,
        validator=attrs.validators.optional(seconds(0.001, LONGEST_SECONDS)),
    )
    cancellation: Literal["task", "cooperative"] = "task"
    rerun_interrupted: bool = True
    max_interruptions: int = field(default=3, validator=whole(1, 1000))
    unique: Unique | None = field(default=None, validator=none_or(Unique))
    retention: Retention | None = field(default=None, validator=none_or(Retention))
    logs: Logs | None = field(default=Logs(), validator=none_or(Logs))
    renamed_from: tuple[str, ...] = field(default=(), converter=_names)
    version: int = field(default=1, validator=whole(1, MAX_VERSION))
    upgrade: Mapping[int, Upgrade] = field(factory=dict)
    payload_type: Any = None
    result_type: Any = None
    versions: Versions = field(init=False)

    @type_name.default
    def _class_name(self) -> str:
        return getattr(self.task_type, "__name__", repr(self.task_type))

    def __attrs_post_init__(self) -> None:
        self._check_task_type()
        self._check_worker_type()
        self._check_name("type_name", self.type_name)
        for name in self.renamed_from:
            self._check_name("renamed_from", name)
        steps = checked_steps(self.upgrade, self.version)
        object.__setattr__(self, "versions", Versions(self.type_name, self.version, steps))
        if self.cancellation not in ("task", "cooperative"):
            raise refusal(self, "cancellation", self.cancellation, "'task' or 'cooperative'")
        if not isinstance(self.rerun_interrupted, bool):
            raise refusal(self, "rerun_interrupted", self.rerun_interrupted, "True or False")
        self._check_per_key()
        self._check_unique()

    def task_of(self, record: TaskRecord, codec: TaskCodec) -> BackgroundTaskBase:
        """The task that a stored record is, as this type is now. Raises SerializationError where
        it cannot be upgraded or read."""
        return codec.decode_task(
            self.task_type, self.versions.upgraded(record.data, record.version)
        )

    def check_done_by(self, worker: WorkerOf[Any, Any]) -> None:
        """Raises TypeError where another worker does these tasks, as far as is known."""
        if not (isinstance(worker, type) and issubclass(worker, BackgroundWorker)):
            raise TypeError(f"worker is {shown(worker)}; accepted: a subclass of BackgroundWorker")
        if self.worker_type is not None and not issubclass(self.worker_type, worker):
            raise TypeError(
                f"worker is {worker.__name__}, but {self.type_name} is done by "
                f"{self.worker_type.__name__}: give that one, or leave it out"
            )

    def _check_name(self, option: str, name: object) -> None:
        if not isinstance(name, str) or not 1 <= len(name) <= 200:
            raise refusal(self, option, name, "a text of 1 to 200 characters")
        if clean(name, 200) != name:
            raise refusal(self, option, name, "no NUL and no lone surrogates")

    def _check_task_type(self) -> None:
        cls = self.task_type
        if not (isinstance(cls, type) and issubclass(cls, BackgroundTaskBase)):
            raise RegistrationError(
                f"background_task({shown(cls)}, ...): expected a subclass of BackgroundTaskBase"
            )
        if "__attrs_attrs__" not in cls.__dict__:
            raise RegistrationError(
                f"background_task({cls.__name__}, ...): the class is not an attrs class of its "
                f"own; put @attrs.frozen(kw_only=True) above it"
            )

    def _check_unique(self) -> None:
        by = () if self.unique is None else self.unique.by
        fields = field_names(self.task_type)
        if isinstance(by, tuple) and (unknown := [name for name in by if name not in fields]):
            raise RegistrationError(
                f"background_task({self.type_name}, ...): unique=Unique(by=...) names "
                f"{', '.join(map(repr, unknown))}; accepted: {', '.join(map(repr, fields))}"
            )

    def _check_per_key(self) -> None:
        known = field_names(self.task_type)
        fields = self.per_key.fields if self.per_key else ()
        if unknown := [name for name in fields if name not in known]:
            raise RegistrationError(
                f"background_task({self.task_type.__name__}, ...): per_key=PerKey(by=...) names "
                f"{', '.join(map(repr, unknown))}; {self.task_type.__name__} has the fields "
                f"{', '.join(known)}"
            )

    def _check_worker_type(self) -> None:
        cls = self.worker_type
        if cls is None:
            return
        if not issubclass(cls, BackgroundWorker):
            raise RegistrationError(
                f"background_task({self.type_name}, ...): the provider builds {cls.__name__}, "
                f"expected a subclass of BackgroundWorker[{self.task_type.__name__}, Payload]"
            )
        if inspect.isabstract(cls):
            raise RegistrationError(f"{cls.__name__} has no execute(); give it one")
        if inspect.isasyncgenfunction(cls.execute) or inspect.isgeneratorfunction(cls.execute):
            raise RegistrationError(
                f"{cls.__name__}.execute has a `yield`, so calling it would do nothing; report "
                f"with context.report_progress(...) instead"
            )
        task_type, payload_type, result_type = worker_parameters(cls)
        says = isinstance(task_type, type) and task_type is not Any  # Any is a class itself
        if says and not issubclass(self.task_type, task_type):
            raise RegistrationError(
                f"background_task({self.type_name}, ...): {cls.__name__} is a worker for "
                f"{task_type.__name__}; register it with that task, or give another worker"
            )
        if self.payload_type is None:
            object.__setattr__(self, "payload_type", payload_type)
        if self.result_type is None and result_type is not NoneType:
            object.__setattr__(self, "result_type", result_type)


def worker_parameters(cls: type) -> tuple[Any, Any, Any]:
    """The ``(TTask, TPayload, TResult)`` with which ``cls`` derives from BackgroundWorker; ``Any``,
    ``Any`` and ``None`` for what is not stated."""
    return _parameters(cls, {}) or (Any, Any, None)


def _parameters(cls: Any, known: dict[Any, Any]) -> tuple[Any, Any, Any] | None:
    for base in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(base) or base
        arguments = [substituted(item, known) for item in get_args(base)]
        if origin is BackgroundWorker and arguments:
            task, payload, result = arguments
            return task, payload, result
        if isinstance(origin, type) and issubclass(origin, BackgroundWorker):
            parameters = getattr(origin, "__parameters__", ())
            found = _parameters(origin, dict(zip(parameters, arguments, strict=False)))
            if found:
                return found
    for base in getattr(cls, "__bases__", ()):
        generic = base is BackgroundWorker or base is typing.Generic
        if not generic and (found := _parameters(base, known)):
            return found
    return None
