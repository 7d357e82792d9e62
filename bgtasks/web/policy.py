"""Who may see and do what. HTTP and the hub ask the same policy."""

from collections.abc import Set as AbstractSet
from typing import Any

from bgtasks.models import BackgroundTaskInfo
from bgtasks.web.requester import Requester
from bgtasks.web.this_machine import why_not_on_this_machine

__all__ = [
    "BackgroundTaskPolicy",
    "Requester",
    "is_set_of_owners",
    "only_can_view_knows",
    "owners_say_all",
]


class BackgroundTaskPolicy:
    """Closed by default; subclass it and override what your application decides differently.

    - Behind an authentication middleware an authenticated user may connect, and sees the tasks
      without an owner and those whose ``owner`` is the user's ``identity``.
    - Without one, only a browser on this machine may connect, and sees everything. That is meant
      for a developer's machine: the client's address and the name in the address bar must both be
      loopback ones, and nothing may tell of a proxy.

    Who may view a task may cancel and retry it, until you override ``can_cancel`` or
    ``can_retry``. Overriding ``can_view`` alone is enough: listings, replay, broadcasts and
    single tasks all ask it. Answers may be kept for up to a minute per connected client.

    Only ``True`` lets anybody in; whatever else is returned counts as no, and is logged when it
    is not ``False``. An exception lets nobody in: over HTTP it is a 500, the hub refuses or closes
    the connection. An answer that takes longer than five seconds is not waited for: over HTTP that
    is a 503, and the hub closes the connection.
    """

    async def can_connect(self, requester: Requester) -> bool:
        """Whether ``requester`` may use the HTTP API and the hub at all."""
        if requester.has_authentication:
            return requester.user is not None
        return _is_on_this_machine(requester)

    async def visible_owners(self, requester: Requester) -> frozenset[str | None] | None:
        """The owners whose tasks ``requester`` may see; ``None`` in the set stands for tasks
        without an owner. ``None`` instead of a set: any owner.

        It lets a listing be filtered by the store. Override it with ``can_view`` when you have
        many tasks and each user sees few of them; it must not leave out what ``can_view`` allows.
        Counts go by it alone: they have tasks of these owners that ``can_view`` hides.
        """
        if only_can_view_knows(self):
            return None
        return _own(requester)

    async def can_view(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        """Whether ``requester`` may see ``task``. What one may not see does not exist for one."""
        if type(self).visible_owners is BackgroundTaskPolicy.visible_owners:
            owners = _own(requester)
        else:
            owners = await self.visible_owners(requester)
        return owners is None or (is_set_of_owners(owners) and task.owner in owners)

    async def can_cancel(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        """Whether ``requester`` may cancel ``task``; only asked for tasks it can view."""
        return await self.can_view(requester, task)

    async def can_retry(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        """Whether ``requester`` may have ``task`` run again; only asked for tasks it can view."""
        return await self.can_view(requester, task)

    async def can_view_errors(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:  # noqa: ARG002
        """Whether ``requester`` may see the tracebacks of ``task``, and what ``logging`` has logged
        for it, which tell of the inside of the application; only asked for tasks it can view. By
        default a developer may: somebody on this machine, where there is no authentication.
        """
        return _is_developer(requester)

    async def can_see_arguments(self, requester: Requester) -> bool:
        """Whether ``requester`` may see the arguments of the tasks that it can view: they may hold
        what workers alone should know. By default a developer may: somebody on this machine, where
        there is no authentication. Behind an authentication middleware nobody may, until you
        override it.
        """
        return _is_developer(requester)

    async def can_see_statistics(self, requester: Requester) -> bool:
        """Whether ``requester`` may see numbers about everybody's tasks, and the processes that run
        them. By default a developer may: somebody on this machine, where there is no
        authentication. Behind an authentication middleware nobody may, until you override it. Nor
        may anybody where ``can_view`` is overridden alone: numbers tell of tasks that it hides.
        """
        return _is_developer(requester) and not only_can_view_knows(self)

    async def can_control(self, requester: Requester) -> bool:
        """Whether ``requester`` may see and control what concerns everybody's tasks and not one
        of them, such as pausing. By default a developer may: somebody on this machine, where there
        is no authentication. Behind an authentication middleware nobody may, until you override
        it.
        """
        return _is_developer(requester)


def is_set_of_owners(value: object) -> bool:
    """Whether ``value`` is a set of texts and ``None``: in a text, a part of an owner is found."""
    return isinstance(value, AbstractSet) and all(isinstance(owner, str | None) for owner in value)


def only_can_view_knows(policy: BackgroundTaskPolicy) -> bool:
    """Whether ``policy`` overrides the predicate alone: then nobody knows the visible owners."""
    kind = type(policy)
    return (
        kind.can_view is not BackgroundTaskPolicy.can_view
        and kind.visible_owners is BackgroundTaskPolicy.visible_owners
    )


def owners_say_all(policy: BackgroundTaskPolicy) -> bool:
    """Whether who may view a task depends on its owner alone, so that ``visible_owners`` says it
    for all tasks at once: nobody has overridden ``can_view``."""
    asked = [getattr(policy, name, None) for name in ("can_view", "visible_owners")]
    can_view, visible_owners = (getattr(method, "__func__", None) for method in asked)
    if can_view is not BackgroundTaskPolicy.can_view:
        return False
    return visible_owners is type(policy).visible_owners


def _own(requester: Requester) -> frozenset[str | None] | None:
    if not requester.has_authentication:
        return None
    identity = requester.identity
    return frozenset() if requester.user is None else frozenset({None, identity})


def _is_developer(requester: Requester) -> bool:
    return not requester.has_authentication and _is_on_this_machine(requester)


def _is_on_this_machine(requester: Requester) -> bool:
    return why_not_on_this_machine(requester.connection.scope) is None
