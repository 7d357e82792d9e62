"""Starting and stopping with the host application."""

from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette

from bgtasks.web import Hub, Lifespan


class FakeHub(Hub):
    def __init__(self, calls: Any) -> None:
        self.calls = calls
        self.fail: Exception | None = None

    async def start(self) -> None:
        self.calls.append("hub.start")
        if self.fail:
            raise self.fail

    async def stop(self) -> None:
        self.calls.append("hub.stop")
        if self.fail:
            raise self.fail


ALL = ["manager.start", "hub.start", "hub.stop", "manager.stop"]


async def test_the_manager_starts_first_and_stops_last(manager: Any) -> None:
    async with Lifespan(manager, FakeHub(manager.calls))(Starlette()) as state:
        assert state is None
        assert manager.calls == ALL[:2]
    assert manager.calls == ALL


async def test_a_start_that_fails_half_way_is_taken_back(manager: Any) -> None:
    hub = FakeHub(manager.calls)
    hub.fail = RuntimeError("no port")
    with pytest.raises(RuntimeError, match="no port"):
        async with Lifespan(manager, hub)(Starlette()):
            pass
    assert manager.calls == ALL


async def test_a_manager_that_cannot_start_is_stopped(manager: Any, monkeypatch: Any) -> None:
    async def broken() -> None:
        raise RuntimeError("busy")

    monkeypatch.setattr(manager, "start", broken)
    with pytest.raises(RuntimeError, match="busy"):
        async with Lifespan(manager, FakeHub(manager.calls))(Starlette()):
            pass
    assert manager.calls == ["hub.stop", "manager.stop"]


async def test_it_stops_everything_when_the_application_fails(manager: Any) -> None:
    with pytest.raises(KeyError):
        async with Lifespan(manager, FakeHub(manager.calls))(Starlette()):
            raise KeyError
    assert manager.calls == ALL


async def test_it_can_be_a_part_of_a_lifespan_of_the_host(manager: Any) -> None:
    ours = Lifespan(manager, FakeHub(manager.calls))

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        async with ours(app):
            manager.calls.append("host")
            yield {"database": 1}

    app = Starlette(lifespan=lifespan)
    async with app.router.lifespan_context(app) as state:
        assert state == {"database": 1}
    assert manager.calls == ["manager.start", "hub.start", "host", "hub.stop", "manager.stop"]
