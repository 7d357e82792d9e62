"""The application's hooks, called so that whatever they raise changes nothing."""

import inspect
import json
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

from bgtasks.clock import Clock, TimeLimit
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.events import Cancelled, Completed, Failed, Outcome
from bgtasks.core.record import ONCE_ENDED, TaskRecord
from bgtasks.core.text import class_name, describe, trace_of
from bgtasks.hooks import AttemptOutcome, BackgroundTaskHook, HookedAttempt
from bgtasks.logs import log_fields, log_safely
from bgtasks.models import Attempt, BackgroundTaskBase, BackgroundTaskInfo
from bgtasks.worker import BackgroundWorkerContext

__all__ = ["NO_HOOKS", "AroundAttempt", "Hooks"]

logger: logging.Logger = logging.getLogger(__name__)

MAX_HEADERS = 4_096
"""The longest JSON, in characters, of the headers of one task."""


SETTLED_WITHIN = 30.0
"""Seconds that a hook is given for the end of one task."""


class Hooks:
    """All hooks of one manager. A hook may lack any of the methods."""

    def __init__(self, hooks: Sequence[Any] = ()) -> None:
        self._submitted = _having("submitted", hooks)
        self._around = _having("around", hooks)
        self._settled = _having("settled", hooks)

    def with_headers(self, task: BackgroundTaskBase, record: TaskRecord) -> TaskRecord:
        """The record with what hooks keep with a task that is submitted."""
        if self._settled:
            record = record._replace(tell_at=ONCE_ENDED)
        if not self._submitted:
            return record
        headers: dict[str, str] = {}
        for hook in self._submitted:
            new = dict(headers)
            try:
                hook.submitted(task, new)
                text = _headers_text(new)
            except BaseException as error:
                if ends_this_task(error):
                    raise
                _log(hook, "submitted", record, error)
            else:
                headers, record = new, record._replace(headers=text)
        return record

    @property
    def are_told_of_ends(self) -> bool:
        """Whether any hook is to be called for the ends of tasks."""
        return bool(self._settled)

    async def settled(
        self,
        record: TaskRecord,
        info: BackgroundTaskInfo[Any],
        failure: Attempt | None,
        clock: Clock,
    ) -> None:
        """Tell each hook of an end. Raises only what cancels the running task."""
        for hook in self._settled:
            try:
                async with TimeLimit(clock, SETTLED_WITHIN):
                    answer = hook.settled(info, failure)
                    if inspect.isawaitable(answer):
                        await answer
            except BaseException as error:
                if ends_this_task(error):
                    raise
                _log(hook, "settled", record, error)

    def around(
        self, context: BackgroundWorkerContext[Any, Any], record: TaskRecord
    ) -> "AroundAttempt | None":
        """The hooks around the attempt that ``context`` belongs to; ``None``: there are none."""
        if not self._around:
            return None
        headers = json.loads(record.headers) if record.headers else {}
        return AroundAttempt(
            self._around, HookedAttempt(context.task, context.info, headers), record
        )


class AroundAttempt:
    """The hooks around one attempt: entered in order, left in reverse."""

    def __init__(self, hooks: Sequence[Any], attempt: HookedAttempt, record: TaskRecord) -> None:
        self._hooks = hooks
        self._attempt = attempt
        self._record = record
        self._entered: list[tuple[Any, AbstractAsyncContextManager[None]]] = []

    async def enter(self) -> None:
        """Enter all. Raises only what cancels the running task."""
        for hook in self._hooks:
            try:
                manager = hook.around(self._attempt)
                await manager.__aenter__()
            except BaseException as error:
                if ends_this_task(error):
                    raise
                _log(hook, "around", self._record, error)
            else:
                self._entered.append((hook, manager))

    async def leave(
        self, raised: BaseException | None, outcome: Outcome, clock: Clock, within: float
    ) -> None:
        """Leave those that were entered, each ``within`` seconds, with the error of the attempt and
        how it ended. Raises only what cancels the running task."""
        self._attempt.outcome = _in_a_word(outcome)
        told: tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
        told = (None, None, None) if raised is None else (type(raised), raised, trace_of(raised))
        while self._entered:
            hook, manager = self._entered.pop()
            try:
                async with TimeLimit(clock, within):
                    await manager.__aexit__(*told)
            except BaseException as error:
                if error is raised:
                    continue  # a generator lets it pass, as it should
                if ends_this_task(error):
                    raise
                _log(hook, "around", self._record, error)


def _in_a_word(outcome: Outcome) -> AttemptOutcome:
    match outcome:
        case Completed():
            return "completed"
        case Failed():
            return "failed" if outcome.retry_after is None else "retried"
        case Cancelled():
            return "cancelled"
        case _:
            return "interrupted"


def _having(name: str, hooks: Sequence[Any]) -> list[Any]:
    """The hooks that have a method of their own of this name."""
    own = getattr(BackgroundTaskHook, name)
    return [hook for hook in hooks if getattr(type(hook), name, None) not in (None, own)]


def _headers_text(headers: dict[str, str]) -> str | None:
    if not headers:
        return None
    if not all(isinstance(item, str) for pair in headers.items() for item in pair):
        raise TypeError("headers must be texts, with texts as keys")
    text = json.dumps(headers, separators=(",", ":"))
    if len(text) > MAX_HEADERS:
        raise ValueError(f"headers have {len(text):,} characters; at most {MAX_HEADERS:,} are kept")
    return text


def _log(hook: Any, what: str, record: TaskRecord, error: BaseException) -> None:
    log_safely(
        logger,
        logging.ERROR,
        "the hook %s.%s failed for task %s; this changes nothing for the task: %s",
        class_name(hook),
        what,
        record.id,
        describe(error),
        error=error,
        extra=log_fields(record),
    )


NO_HOOKS = Hooks()
"""Where an application has none."""
