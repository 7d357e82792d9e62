"""The web application: its page, its two forms, and the background tasks mounted beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bgtasks import BackgroundTaskBase
from examples.media_library.containers import Application
from examples.media_library.database import MediaFile, library_page, path_text
from examples.media_library.forms import (
    ProblemError,
    check_copy,
    check_folder,
    number_parameter,
    path_field,
    problem_response,
    read_form,
)
from examples.media_library.headers import PageHeadersMiddleware
from examples.media_library.tasks import CopyOperationTask, MetadataScanTask

STATIC = Path(__file__).parent / "static"


def create_app(container: Application) -> Starlette:
    """The application around ``container``, whose ``config`` is set."""
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/library", library),
            Route("/suggestions", suggestions),
            Route("/scans", start_scan, methods=["POST"]),
            Route("/copies", start_copy, methods=["POST"]),
            Mount("/static", app=StaticFiles(directory=STATIC)),
            Mount("/background-tasks", app=container.background_tasks().asgi_app()),
        ],
        # Only under these names: a foreign site that lets its own name point to this machine
        # gets no answer.
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
            Middleware(PageHeadersMiddleware),
        ],
        exception_handlers={ProblemError: problem_response},
        lifespan=lifespan_of(container),
    )
    app.state.container = container
    return app


def lifespan_of(
    container: Application,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """The database is opened before the tasks start, and closed after they stopped."""
    tasks_lifespan = container.background_tasks().lifespan()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with container.database().opened(), tasks_lifespan(app):
            folder = Path(container.config.folder())
            await container.background_tasks().manager().run_task(MetadataScanTask(folder=folder))
            yield

    return lifespan


async def page(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def start_scan(request: Request) -> Response:
    form = await read_form(request)
    folder = path_field(form, "folder")
    await asyncio.to_thread(check_folder, folder, "folder")
    return await run_task(request, MetadataScanTask(folder=folder))


async def start_copy(request: Request) -> Response:
    form = await read_form(request)
    source, destination = path_field(form, "source"), path_field(form, "destination")
    await asyncio.to_thread(check_copy, source, destination)
    return await run_task(request, CopyOperationTask(source=source, destination=destination))


async def run_task(request: Request, task: BackgroundTaskBase) -> Response:
    """Hand the task in; the answer has its id, under which its snapshots will come."""
    task_id = await container_of(request).background_tasks().manager().run_task(task)
    return JSONResponse({"id": str(task_id)}, status_code=202)


async def library(request: Request) -> Response:
    """What the scans have found, the newest first."""
    limit = number_parameter(request, "limit", default=200, highest=1000)
    async with container_of(request).database().session() as session:
        found = await library_page(session, limit)
    return JSONResponse(
        {
            "items": [file_json(file) for file in found.files],
            "total": found.total,
            "durationSeconds": found.duration_seconds,
            "bytes": found.bytes,
        }
    )


async def suggestions(request: Request) -> Response:
    """What the forms are filled with at first."""
    config = container_of(request).config
    source = Path(request.query_params.get("source") or config.copy_source())
    copy_name = await asyncio.to_thread(dated_name, source)
    return JSONResponse(
        {
            "folder": config.folder(),
            "source": path_text(source),
            "destination": path_text(Path(config.copies_folder(), copy_name)),
            "scanPause": config.scan_pause(),
            "copyBytesPerSecond": config.copy_bytes_per_second(),
        }
    )


def dated_name(source: Path) -> str:
    """A name for a copy of ``source`` that no earlier copy has. Blocks."""
    when = datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H.%M.%S")
    if source.is_dir():
        return f"{source.name or 'copy'} ({when})"
    return f"{source.stem} ({when}){source.suffix}"


def file_json(file: MediaFile) -> dict[str, Any]:
    """One row of the library as the page gets it."""
    return {
        "path": file.path,
        "kind": file.kind,
        "format": file.format,
        "title": file.title,
        "artist": file.artist,
        "album": file.album,
        "durationSeconds": file.duration_seconds,
        "width": file.width,
        "height": file.height,
        "takenAt": file.taken_at.isoformat() if file.taken_at else None,
        "camera": file.camera,
        "size": file.size,
        "error": file.error,
    }


def container_of(request: Request) -> Application:
    container: Application = request.app.state.container
    return container
