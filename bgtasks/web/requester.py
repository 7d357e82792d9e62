"""Who is asking: the same object for an HTTP request and for a Socket.IO client."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:  # a worker process has a policy in its container, but no web side
    from starlette.requests import HTTPConnection

__all__ = ["Requester"]


@frozen(eq=False)
class Requester:
    """Somebody who wants to see or do something, as a policy gets it.

    ``connection`` is made from the ASGI scope: headers, cookies, session, user. For a Socket.IO
    client it is the scope of the handshake, and so may be hours old. ``auth`` is what a Socket.IO
    client gave at connect (``io(url, {auth: {...}})``), ``None`` for HTTP and where none was given.
    """

    connection: "HTTPConnection"
    auth: Mapping[str, Any] | None = None

    @property
    def has_authentication(self) -> bool:
        """Whether an authentication middleware has looked at this request."""
        return "user" in self.connection.scope

    @property
    def user(self) -> Any:
        """The authenticated user, or ``None`` without authentication or when not logged in.

        A user is logged in if ``is_authenticated`` is ``True`` itself; a method is not.
        """
        user = self.connection.scope.get("user")
        return user if getattr(user, "is_authenticated", False) is True else None

    @property
    def identity(self) -> str | None:
        """What the user's tasks have as their owner: the ``identity`` of the user, or its
        ``display_name`` where it has none. ``None`` when nobody is logged in.
        """
        user = self.user
        if user is None:
            return None
        for name in ("identity", "display_name"):
            try:
                value = getattr(user, name, None)
            except NotImplementedError:  # what Starlette's BaseUser and SimpleUser say
                continue
            if value is not None and value != "":
                return str(value)
        return None

    @property
    def party(self) -> str:
        """The user that connections are counted for, or the address where nobody is logged in."""
        return f"user {self.identity}" if self.is_user else f"address {self.host}"

    @property
    def is_user(self) -> bool:
        """Whether somebody is logged in who has an identity."""
        try:
            return self.identity is not None
        except Exception:  # the user is an object of the application's
            return False

    @property
    def host(self) -> str | None:
        """The address of the client as the server saw it; ``None`` over a Unix socket."""
        client = self.connection.scope.get("client")
        return client[0] if client else None
