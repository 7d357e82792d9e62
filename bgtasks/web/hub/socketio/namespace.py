"""The Socket.IO namespace: between the protocol library and the hub."""

import logging
from typing import Any, Protocol

import socketio

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.logs import log_safely
from bgtasks.web.hub.reception import RefusedError
from bgtasks.web.hub.socketio.events import ClientEvents
from bgtasks.web.protocol import NAMESPACE
from bgtasks.web.refusals import UNEXPECTED

__all__ = ["make_namespace"]

logger: logging.Logger = logging.getLogger(__name__)


class Clients(Protocol):
    """Who is told that clients come and go."""

    async def join(self, sid: str, environ: Any, auth: Any) -> None:
        """Let a client in. Raises RefusedError with what the client may know."""

    def left(self, sid: str, *, may_join_again: bool) -> None:
        """A client has left; its websocket may still be open, and it may join on it again."""


def make_namespace(clients: Clients, events: ClientEvents) -> Any:
    """The namespace of one server: ``clients`` hear who comes and goes, ``events`` all else."""
    return _TaskNamespace(clients, events)


class _TaskNamespace(socketio.AsyncNamespace):  # type: ignore[misc] # the library has no types
    """Tells the library's own calls from what clients send, and never raises into it.

    The library calls ``connect`` and ``disconnect`` the same way as events of clients, looks for
    any ``on_*`` attribute, calls a handler again after a TypeError, and leaves a client half
    connected after any other exception. So there are no ``on_*`` methods here.
    """

    def __init__(self, clients: Clients, events: ClientEvents) -> None:
        super().__init__(NAMESPACE)
        self._clients = clients
        self._events = events

    async def trigger_event(self, event: Any, *args: Any) -> Any:
        """What the library calls for everything that happens in the namespace."""
        if event == "connect" and self._is_connecting(args):
            return await self._connect(*args[:3])
        if event == "disconnect" and self._is_disconnecting(args):
            return self._disconnect(*args[:2])
        return await self._events.answer(args[0] if args else None, event, args[1:])

    def _is_connecting(self, args: tuple[Any, ...]) -> bool:
        # Only the library can pass the very object that it keeps as the environ.
        if len(args) != 3 or args[1] is None:
            return False
        environ = self.server.get_environ(args[0], NAMESPACE)
        return args[1] is environ and not self.server.manager.is_connected(args[0], NAMESPACE)

    def _is_disconnecting(self, args: tuple[Any, ...]) -> bool:
        return bool(args) and not self.server.manager.is_connected(args[0], NAMESPACE)

    async def _connect(self, sid: str, environ: Any, auth: Any) -> None:
        try:
            await self._clients.join(sid, environ, auth)
        except RefusedError as error:
            raise socketio.exceptions.ConnectionRefusedError(str(error)) from None
        except BaseException as error:
            if ends_this_task(error):
                raise
            log_safely(logger, logging.ERROR, "a client could not be let in", error=error)
            raise socketio.exceptions.ConnectionRefusedError(UNEXPECTED) from None

    def _disconnect(self, sid: str, reason: object = None) -> None:
        reasons = self.server.reason
        # After a ping timeout the library has forgotten the connection, but still reads from it.
        may_join = reason in (reasons.CLIENT_DISCONNECT, reasons.SERVER_DISCONNECT)
        try:
            self._clients.left(sid, may_join_again=may_join)
        except Exception:
            logger.exception("a client could not be let go")
