"""Asks the policy, with a time limit; only ``True`` counts as yes."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from collections.abc import Set as AbstractSet
from functools import partial
from inspect import isawaitable
from typing import Any

from bgtasks.clock import Clock, resolve
from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.errors import NotAllowedError
from bgtasks.models import BackgroundTaskInfo
from bgtasks.web.commands import Command
from bgtasks.web.policy import (
    BackgroundTaskPolicy,
    is_set_of_owners,
    only_can_view_knows,
    owners_say_all,
)
from bgtasks.web.refusal_log import RefusalLog, shown
from bgtasks.web.requester import Requester
from bgtasks.web.this_machine import why_not_on_this_machine

__all__ = ["Judge", "Owners", "PolicyFailedError", "PolicyTimeoutError", "is_among"]

POLICY_TIMEOUT = 5.0
"""Seconds a policy may take for one answer."""

OPEN = (
    "neither a middleware that sets request.user nor a policy of the application's own was found: "
    "any browser on this machine sees and cancels all background tasks, and no other one does. "
    "That is meant for a developer's machine only"
)

Info = BackgroundTaskInfo[Any]
Owners = AbstractSet[str | None] | None
Answered = Callable[[Info, bool], Awaitable[None]]


def is_among(owner: str | None, owners: Owners) -> bool:
    """Whether ``owner`` is one of ``owners``, as ``visible_owners`` returns them."""
    return owners is None or owner in owners


class PolicyFailedError(Exception):
    """The policy raised instead of answering; the reason has been logged."""


class PolicyTimeoutError(PolicyFailedError):
    """The policy did not answer in time; that has been logged."""


class Judge:
    """What a policy says, for HTTP and hub alike.

    A question runs in an asyncio task of its own, so a policy that never answers, or raises a
    ``BaseException``, does not harm the caller. Each method raises PolicyFailedError.
    """

    def __init__(self, policy: BackgroundTaskPolicy, refusals: RefusalLog, clock: Clock) -> None:
        self._policy = policy
        self._refusals = refusals
        self._clock = clock
        self._name = type(policy).__qualname__

    @property
    def only_can_view_knows(self) -> bool:
        """See :func:`~bgtasks.web.policy.only_can_view_knows`."""
        return only_can_view_knows(self._policy)

    @property
    def owners_say_all(self) -> bool:
        """See :func:`~bgtasks.web.policy.owners_say_all`."""
        return owners_say_all(self._policy)

    async def may_connect(self, requester: Requester) -> bool:
        """Whether ``requester`` is let in; if not, the operator is told why."""
        if not requester.has_authentication:
            self.warn_if_open()
        said = await self._says("can_connect", requester)
        if not said:
            self._note_stranger(requester)
        return said

    @property
    def _has_own_door(self) -> bool:
        kind = type(self._policy)
        return getattr(kind, "can_connect", None) is not BackgroundTaskPolicy.can_connect

    def warn_if_open(self) -> None:
        """Warn the operator, once, that nobody is authenticated, unless the policy needs none."""
        if not self._has_own_door:
            self._refusals.say_once(OPEN)

    async def may_view(self, requester: Requester, info: Info) -> bool:
        """Whether ``requester`` may see the task."""
        return await self._says("can_view", requester, info)

    async def may_do(self, command: Command, requester: Requester, *about: Info) -> bool:
        """Whether ``requester`` may do that: ``about`` the task, which it can view, where the
        command is on one."""
        return await self._says(command.question, requester, *about)

    async def may_control(self, requester: Requester) -> bool:
        """Whether ``requester`` may see and control what concerns everybody's tasks."""
        return await self._says("can_control", requester)

    async def may_see_statistics(self, requester: Requester) -> bool:
        """Whether ``requester`` may see numbers about everybody's tasks."""
        return await self._says("can_see_statistics", requester)

    async def may_see_arguments(self, requester: Requester) -> bool:
        """Whether ``requester`` may see the arguments of the tasks that it can view."""
        return await self._says("can_see_arguments", requester)

    async def check_may_see_arguments(self, requester: Requester) -> None:
        """Raise NotAllowedError for whoever may not see the arguments of tasks."""
        if not await self.may_see_arguments(requester):
            raise NotAllowedError(
                "you may not see the arguments of tasks here; the application's policy can allow "
                "it by can_see_arguments"
            )

    async def may_view_errors(self, requester: Requester, info: Info) -> bool:
        """Whether ``requester`` may see the tracebacks of the task, which it can view."""
        return await self._says("can_view_errors", requester, info)

    async def visible(self, requester: Requester, infos: Iterable[Info]) -> list[Info]:
        """Those of ``infos`` that ``requester`` may see, in the same order."""
        found: list[Info] = []

        async def note(info: Info, sees: bool) -> None:
            if sees:
                found.append(info)

        await self.may_view_each(requester, infos, note)
        return found

    async def may_view_each(
        self, requester: Requester, infos: Iterable[Info], answered: Answered
    ) -> None:
        """Ask for one of ``infos`` after the other whether ``requester`` may see it, and await
        ``answered(info, sees)`` with each answer as it comes."""
        asked = 0

        async def ask_one_after_the_other() -> None:
            nonlocal asked
            for info in infos:
                said = await self._ask("can_view", requester, info)
                await answered(info, self._is_yes("can_view", said))
                asked += 1

        await self._in_time("can_view", ask_one_after_the_other(), lambda: asked)

    async def visible_owners(self, requester: Requester) -> Owners:
        """The owners whose tasks the policy may show; ``None``: all."""
        said = await self._in_time("visible_owners", self._ask("visible_owners", requester))
        if said is None or is_set_of_owners(said):
            owners: Owners = said
            return owners
        self._note_answer("visible_owners", said, "a set of texts and None, or None for all")
        return frozenset()

    async def _says(self, question: str, *arguments: Any) -> bool:
        return self._is_yes(
            question, await self._in_time(question, self._ask(question, *arguments))
        )

    def _is_yes(self, question: str, answer: object) -> bool:
        if answer is not True and answer is not False:
            self._note_answer(question, answer, "True or False")
        return answer is True

    async def _ask(self, question: str, *arguments: Any) -> Any:
        try:
            answer = getattr(self._policy, question)(*arguments)
            return await answer if isawaitable(answer) else answer
        except BaseException as error:
            if ends_this_task(error):
                raise
            self._note_error(question, error)
            raise PolicyFailedError(question) from None

    async def _in_time(
        self,
        question: str,
        asking: Coroutine[Any, Any, Any],
        progress: Callable[[], int] = lambda: 0,
    ) -> Any:
        """The result of ``asking``, unless it makes no progress for too long."""
        task = asyncio.get_running_loop().create_task(asking)
        task.add_done_callback(_forget)
        try:
            before = -1
            while not task.done() and before < progress():
                before = progress()
                await _done_or(task, self._clock, POLICY_TIMEOUT)
            if task.cancelled():  # by the policy: nobody else knows the task before it is done
                self._note_error(question, asyncio.CancelledError())
                raise PolicyFailedError(question)
            if task.done():
                return task.result()
        finally:
            task.cancel()
        self._refusals.note(
            ("slow", question),
            f"refused what was asked for: {self._name}.{question} took longer than "
            f"{POLICY_TIMEOUT:.0f} seconds",
        )
        raise PolicyTimeoutError(question)

    def _note_error(self, question: str, error: BaseException) -> None:
        self._refusals.note(
            ("raised", question, type(error).__name__),
            f"refused what was asked for: {self._name}.{question} raised "
            f"{type(error).__name__} instead of returning True or False",
            error,
        )

    def _note_answer(self, question: str, answer: object, accepted: str) -> None:
        self._refusals.note(
            ("answer", question, type(answer).__name__),
            f"counted as no: {self._name}.{question} returned {_kind(answer)}; "
            f"accepted: {accepted}",
        )

    def _note_stranger(self, requester: Requester) -> None:
        try:
            reason = self._why_stranger(requester)
        except Exception as error:  # the user is an object of the application's
            reason = f"{self._name}.can_connect said no ({type(error).__name__} at asking why)"
        self._refusals.note(
            ("stranger", str(requester.host), reason[:200]),
            f"refused a client at address {shown(requester.host)}: {reason}",
        )

    def _why_stranger(self, requester: Requester) -> str:
        said = f"{self._name}.can_connect returned False" if self._has_own_door else ""
        if not requester.has_authentication:
            here = why_not_on_this_machine(requester.connection.scope)
            reason = (
                "no middleware of the application sets request.user, so only a browser on this "
                f"machine is let in, and {here}"
            )
            return (f"{said} (and {reason})" if here else said) if said else reason
        if requester.user is None:
            return f"{said}; {_why_no_user(requester)}" if said else _why_no_user(requester)
        return f"{said} for user {shown(requester.identity)}"


def _why_no_user(requester: Requester) -> str:
    user = requester.connection.scope.get("user")
    if user is None:
        return "nobody is logged in: request.user is None"
    logged_in = getattr(user, "is_authenticated", False)
    if logged_in is False:
        return "nobody is logged in: request.user.is_authenticated is False"
    return (
        f"{type(user).__qualname__}.is_authenticated is {_kind(logged_in)}; "
        "accepted: True, for who is logged in"
    )


def _kind(answer: object) -> str:
    """What ``answer`` is, in words. A coroutine is closed: nobody will wait for it."""
    if asyncio.iscoroutine(answer):
        answer.close()
        return "a coroutine (is an 'await' missing?)"
    if callable(answer):
        return f"a {type(answer).__name__} (are its parentheses missing?)"
    return f"a value of type {type(answer).__name__}"


async def _done_or(task: "asyncio.Task[Any]", clock: Clock, seconds: float) -> None:
    """Wait until ``task`` has ended or ``seconds`` have passed."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_later(seconds, partial(resolve, over))
    task.add_done_callback(lambda _: resolve(over))
    try:
        await over
    finally:
        timer.cancel()


def _forget(task: "asyncio.Task[Any]") -> None:
    """Retrieve the error of a question that is no longer waited for, so that asyncio logs none."""
    if not task.cancelled():
        task.exception()
