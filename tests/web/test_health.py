"""``GET api/health``: one word, for anybody."""

from typing import Any

import pytest

from tests.web.conftest import FakeManager


class Closed:
    """A policy that lets nobody in; asking it is a mistake."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the policy was asked: {name}")


@pytest.mark.parametrize(
    ("trouble", "status", "word"),
    [(None, 200, "ok"), ("the connection to db.internal is lost", 503, "unavailable")],
)
async def test_health_tells_anybody_whether_tasks_can_be_used_and_nothing_else(
    make_world: Any, manager: FakeManager, trouble: str | None, status: int, word: str
) -> None:
    manager.trouble = trouble
    world = await make_world(policy=Closed())
    async with world.http(client=("203.0.113.9", 1), headers={"x-forwarded-for": "x"}) as http:
        answer = await http.get("/api/health")
    assert answer.status_code == status
    assert answer.json() == {"status": word}
    assert answer.headers["cache-control"] == "no-store"


async def test_health_can_only_be_asked(world: Any) -> None:
    async with world.http() as http:
        assert (await http.head("/api/health")).status_code == 200
        assert (await http.post("/api/health")).status_code == 405
