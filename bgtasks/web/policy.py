"""Who may see and do what. HTTP and the hub ask the same policy."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from bgtasks.models import BackgroundTaskInfo
from bgtasks.web.requester import Requester

__all__ = ["BackgroundTaskPolicy", "Requester", "only_can_view_knows"]

_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")


class BackgroundTaskPolicy:
    """Closed by default; subclass it and override what your application decides differently.

    - Behind an authentication middleware an authenticated user may connect, and sees the tasks
      without an owner and those whose ``owner`` is the user's ``identity``.
    - Without one, only a client on this machine may connect, and sees everything. It must come
      directly (not through a proxy) and under a name that cannot be somebody else's domain.

    Who may view a task may cancel and retry it, until you override ``can_cancel`` or
    ``can_retry``. Overriding ``can_view`` alone is enough: listings, replay, broadcasts and
    single tasks all ask it. Answers may be kept for up to a minute per connected client.
    An exception lets nobody in: over HTTP it is a 500, the hub refuses or closes the connection.
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
        return owners is None or task.owner in owners

    async def can_cancel(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        """Whether ``requester`` may cancel ``task``; only asked for tasks it can view."""
        return await self.can_view(requester, task)

    async def can_retry(self, requester: Requester, task: BackgroundTaskInfo[Any]) -> bool:
        """Whether ``requester`` may have ``task`` run again; only asked for tasks it can view."""
        return await self.can_view(requester, task)


def only_can_view_knows(policy: BackgroundTaskPolicy) -> bool:
    """Whether ``policy`` overrides the predicate alone: then nobody knows the visible owners."""
    kind = type(policy)
    return (
        kind.can_view is not BackgroundTaskPolicy.can_view
        and kind.visible_owners is BackgroundTaskPolicy.visible_owners
    )


def _own(requester: Requester) -> frozenset[str | None] | None:
    if not requester.has_authentication:
        return None
    identity = requester.identity
    return frozenset() if requester.user is None else frozenset({None, identity})


def _is_on_this_machine(requester: Requester) -> bool:
    headers = requester.connection.headers
    return (
        _is_loopback(requester.host)
        # A proxy on this machine speaks for somebody who may be anywhere.
        and not any(name in headers for name in _PROXY_HEADERS)
        and _is_local_name(headers)
    )


def _is_loopback(host: str | None) -> bool:
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _is_local_name(headers: Mapping[str, str]) -> bool:
    """Whether the ``Host`` is a name no stranger can own.

    Against DNS rebinding: a page of evil.example whose name is made to point at 127.0.0.1 is
    same-origin with us, but its requests still say ``Host: evil.example``.
    """
    host = headers.get("host", "").strip().lower()
    bracketed = host.startswith("[")  # IPv6
    name = host[1:].partition("]")[0] if bracketed else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and ("." not in name or name.endswith(".localhost"))
    return True
