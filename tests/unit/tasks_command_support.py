"""An application that the tests of ``python -m bgtasks tasks`` reach in several ways."""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from attrs import evolve, frozen
from starlette.applications import Starlette
from starlette.routing import Mount

from bgtasks import BackgroundTaskInfo
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.cli.tasks.client import TaskClient
from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.tasks.http_bounds import HttpBounds
from bgtasks.cli.tasks.http_exchange import Answer, HttpError
from bgtasks.cli.tasks.http_tasks import HttpTasks
from bgtasks.core.codec import TaskCodec

ID = UUID("0193a4e0-0000-7000-8000-000000000001")
MOUNTED_AT = "http://127.0.0.1/background-tasks"
ADDRESS = HttpAddress.parse(MOUNTED_AT, [])
CREATED = datetime(2026, 1, 1, tzinfo=UTC)

TASK: BackgroundTaskInfo[Any] = BackgroundTaskInfo(
    id=ID,
    type="CopyTask",
    name="Copy movie.mkv",
    payload={"copiedBytes": 42},
    status=Status.RUNNING,
    progress=42.0,
    status_message="movie.mkv",
    error_message=None,
    created_at=CREATED,
    started_at=CREATED,
    completed_at=None,
    revision=3,
    attempt=1,
    cancel_requested=False,
    scheduled_at=None,
    owner=None,
)


def task(**changes: Any) -> BackgroundTaskInfo[Any]:
    """A task, but for these fields."""
    return evolve(TASK, **changes)


def wire(**changes: Any) -> dict[str, Any]:
    """The same in the shape of the HTTP API."""
    return TaskCodec().wire(task(**changes))


@frozen
class OverHttpx:
    """The door of the commands to an application that a client of httpx reaches."""

    client: httpx.AsyncClient
    address: HttpAddress = ADDRESS

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        route: str,
        query: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        silence: float,
    ) -> AsyncGenerator[Answer, None]:
        place = self.address.to(route)
        kind = {} if body is None else {"content-type": "application/json"}
        request = self.client.build_request(
            method,
            place,
            params=[*query],
            content=body,
            headers=[*self.address.headers, *kind.items()],
            timeout=silence,
        )
        with errors_told():
            response = await self.client.send(request, stream=True)
        try:
            async with aclosing(chunks_of(response)) as chunks:
                yield Answer(place, response.status_code, dict(response.headers), chunks)
        finally:
            await response.aclose()


async def chunks_of(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    with errors_told():
        async for chunk in response.aiter_bytes(64 * 1024):
            yield chunk


@contextmanager
def errors_told() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise HttpError(str(error)) from None


@asynccontextmanager
async def answering(
    handler: Callable[[httpx.Request], Any], *, address: HttpAddress = ADDRESS, **bounds: Any
) -> AsyncGenerator[HttpTasks, None]:
    """The client of an application that answers as ``handler`` says."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        yield HttpTasks(OverHttpx(client, address), address, HttpBounds(**bounds))


@asynccontextmanager
async def over_http(container: Any) -> AsyncGenerator[TaskClient, None]:
    """The client of the application that mounts ``container``, which is started already."""
    app = Starlette(routes=[Mount("/background-tasks", app=container.asgi_app())])
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport) as client:
        yield HttpTasks(OverHttpx(client), ADDRESS)
