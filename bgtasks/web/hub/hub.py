"""The live side: pushes every update to the clients that follow it and may see it."""

from starlette.types import Receive, Scope, Send

from bgtasks.clock import Clock
from bgtasks.manager import BackgroundTaskManager
from bgtasks.serialization import TaskCodec
from bgtasks.settings import Settings
from bgtasks.web.hub.hub_run import HubRun
from bgtasks.web.hub.subscription import Subscription
from bgtasks.web.policy import BackgroundTaskPolicy
from bgtasks.web.problems import problem
from bgtasks.web.requester import Requester

__all__ = ["Hub"]

MAX_CLIENTS = 10_000


class Hub:
    """The live view of a manager's tasks for browsers: Socket.IO over websockets, and
    server-sent events.

    Starting twice, stopping twice and stopping before starting are harmless; a stopped hub can
    be started again. ``max_clients`` are let in at a time, further ones are told to come later.

    A message over 64 KB ends its connection, but only when the server has read it whole: give
    the server a limit too (``uvicorn --ws-max-size 65536``).
    """

    def __init__(
        self,
        manager: BackgroundTaskManager,
        policy: BackgroundTaskPolicy,
        settings: Settings,
        codec: TaskCodec,
        clock: Clock,
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        self._manager = manager
        self._policy = policy
        self._settings = settings
        self._codec = codec
        self._clock = clock
        self._max_clients = max_clients
        self._run: HubRun | None = None

    async def start(self) -> None:
        """Begin to accept clients and to follow the manager's updates."""
        if self._run is None:
            self._run = HubRun(
                self._manager,
                self._policy,
                self._settings,
                self._codec,
                self._clock,
                self._max_clients,
            )

    async def stop(self) -> None:
        """Disconnect all clients, which will try to come back, and accept no more."""
        run, self._run = self._run, None
        if run is not None:
            await run.stop()

    async def events(
        self,
        requester: Requester,
        subscription: Subscription,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """The updates as server-sent events, to somebody whom the policy has let in."""
        if self._run is None:
            answer = problem(scope, 503, "background tasks are not running", {"Retry-After": "5"})
            await answer(scope, receive, send)
        else:
            await self._run.serve_stream(requester, subscription, scope, receive, send)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application, to be mounted at ``socket.io``."""
        if scope["type"] == "http":
            answer = problem(
                scope,
                400,
                "the hub speaks WebSocket only; connect with "
                '{path: ".../socket.io", transports: ["websocket"]}',
            )
            await answer(scope, receive, send)
        elif scope["type"] == "websocket":
            if self._run is not None:
                await self._run.serve(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1013})
