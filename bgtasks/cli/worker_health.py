"""``GET /health`` of a worker process, which has no web server otherwise."""

import logging
import socket
import threading
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bgtasks.cli.usage import CommandFailedError, UsageError
from bgtasks.concurrency.threads import call_in_own_thread
from bgtasks.manager import BackgroundTaskManager

__all__ = ["HealthServer", "health_app"]

logger: logging.Logger = logging.getLogger(__name__)


def health_app(manager: BackgroundTaskManager) -> Starlette:
    """Answers ``GET /health`` with 200 while tasks are run, else 503 and the reason."""

    async def health(_request: Request) -> Response:
        now = manager.health()
        body: dict[str, Any] = {
            "status": "ok" if now.trouble is None else "unavailable",
            "running": now.running,
            "maxConcurrency": now.max_concurrency,
            "blockedFor": round(now.blocked_for, 1),
        }
        if now.trouble is not None:
            body["reason"] = now.trouble
        code = 200 if now.trouble is None else 503
        return JSONResponse(body, status_code=code, headers={"Cache-Control": "no-store"})

    return Starlette(routes=[Route("/health", health, methods=["GET"])])


class HealthServer:
    """Serves ``health_app`` on an event loop and a thread of its own, so that it also answers
    while the manager's event loop is blocked.

    The constructor binds the port (0: any free one). Raises UsageError without uvicorn and
    CommandFailedError if the port cannot be bound.
    """

    def __init__(self, manager: BackgroundTaskManager, host: str, port: int) -> None:
        try:
            import uvicorn
        except ImportError:
            raise UsageError(
                f"--health-port {port} needs uvicorn: install 'bgtasks-di[cli]'"
            ) from None
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            health_app(manager), log_config=None, log_level="warning", access_log=False,
            lifespan="off", loop="asyncio", ws="none", timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="bgtasks health", daemon=True)

    def start(self) -> None:
        """Start to answer. To be called once."""
        self._thread.start()
        logger.info("GET /health is answered on port %d", self.port)

    async def stop(self) -> None:
        """Stop answering and release the port."""
        self._server.should_exit = True
        await call_in_own_thread(self._thread.join, "bgtasks health's end")
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandFailedError(
            f"--health-port: {host}:{port} cannot be listened on: {reason}"
        ) from error
