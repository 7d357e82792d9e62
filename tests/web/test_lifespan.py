"""Starting and stopping with the host application."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette

from bgtasks.web.lifespan import Lifespan


class FakeHub:
    def __init__(self, calls: Any) -> None:
        self.calls = calls

    def start(self) -> None:
        self.calls.append("hub.start")

    async def stop(self) -> None:
        self.calls.append("hub.stop")


ALL = ["manager.start", "hub.start", "hub.stop", "manager.stop"]


@pytest.fixture
def lifespan(manager: Any) -> Lifespan:
    manager.accompany(FakeHub(manager.calls))
    return Lifespan(manager)


async def test_the_manager_starts_first_and_stops_last(lifespan: Any, manager: Any) -> None:
    async with lifespan(Starlette()) as state:
        assert state is None
        assert manager.calls == ALL[:2]
    assert manager.calls == ALL


async def test_it_stops_everything_when_the_application_fails(lifespan: Any, manager: Any) -> None:
    with pytest.raises(KeyError):
        async with lifespan(Starlette()):
            raise KeyError
    assert manager.calls == ALL


async def test_it_can_be_a_part_of_a_lifespan_of_the_host(lifespan: Any, manager: Any) -> None:
    @asynccontextmanager
    async def of_the_host(app: Any) -> Any:
        async with lifespan(app):
            manager.calls.append("host")
            yield {"database": 1}

    app = Starlette(lifespan=of_the_host)
    async with app.router.lifespan_context(app) as state:
        assert state == {"database": 1}
    assert manager.calls == ["manager.start", "hub.start", "host", "hub.stop", "manager.stop"]


async def test_one_that_is_cancelled_hurries_the_stop(lifespan: Any, manager: Any) -> None:
    """As uvicorn does after a second Ctrl-C: it takes its event loop down."""
    entered = asyncio.Event()

    async def serve() -> None:
        async with lifespan(Starlette()):
            entered.set()
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    await entered.wait()
    serving.cancel()
    await asyncio.wait([serving])
    assert manager.calls == ["manager.start", "hub.start", "manager.hurry", "hub.stop",
                             "manager.stop"]  # fmt: skip
