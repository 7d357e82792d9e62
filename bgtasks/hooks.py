"""Hooks: what an application adds around attempts, for tracing, error reports and metrics."""

from collections.abc import Awaitable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Literal

from attrs import define

from bgtasks.models import Attempt, BackgroundTaskBase, BackgroundTaskInfo

__all__ = ["AttemptOutcome", "BackgroundTaskHook", "HookedAttempt"]

AttemptOutcome = Literal["completed", "failed", "retried", "cancelled", "interrupted"]
"""How an attempt ended. ``"retried"``: it failed, and another one follows. ``"interrupted"``: a
stop of the process ended it, or it ended before its worker began."""


@define(eq=False)
class HookedAttempt:
    """An attempt as a hook sees it: its task, the snapshot at its start (``info.attempt`` is its
    number, from 1), and the ``headers`` that hooks gave to the task when it was submitted.

    ``outcome`` is ``None`` until the worker's dependencies were closed: a hook reads it when it is
    left. The end may still be refused by the store, if another process has taken the task over.
    """

    task: BackgroundTaskBase
    info: BackgroundTaskInfo[Any]
    headers: Mapping[str, str]
    outcome: AttemptOutcome | None = None


class BackgroundTaskHook:
    """What is called around attempts. Override what you need, and give the container
    ``hooks=providers.List(providers.Singleton(MyHook))``.

    Hooks are entered in the order of the list and left in reverse. An error of a hook is logged and
    changes nothing: not the task, nor what other hooks do. Hooks are called on the event loop of
    the manager and must not block it.
    """

    def submitted(self, task: BackgroundTaskBase, headers: MutableMapping[str, str]) -> None:
        """``task`` is about to be stored, in the context of its submitter (a request, for example).

        What is put into ``headers`` is kept with the task for all of its attempts; it is never
        sent to clients. At most 4,096 characters of JSON; more are logged and left out.
        """

    def settled(
        self,
        info: BackgroundTaskInfo[Any],
        failure: Attempt | None,
    ) -> Awaitable[None] | None:
        """A task is final. Called once for each end, in one of the processes that have such a
        hook, soon after the end is stored: for a mail about a failure, for example. ``failure`` is
        how the last attempt of a task that is ``Failed`` ended. May be a coroutine function; 30
        seconds are allowed for it.

        Of a process that dies before it has finished the call, another one takes it over after two
        minutes: then the hook is called once more. A task that is retried by hand has another end.
        Tasks that were accepted while nobody had such a hook are not told of.
        """

    def around(self, attempt: HookedAttempt) -> AbstractAsyncContextManager[None]:  # noqa: ARG002
        """Returns what is entered before the worker is built, in the attempt's own context, and
        left after its dependencies were closed. It is left with the error of the attempt, if there
        was one; whether it swallows that changes nothing. Leaving may take 5 seconds.
        """
        return nullcontext()
