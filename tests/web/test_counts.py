"""How many tasks a requester may see."""

from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy


@pytest.fixture
async def world(make_world: Any, user_header: Any) -> Any:
    return await make_world(wrap=user_header)


NONE = {"Pending": 0, "Running": 0, "Completed": 0, "Failed": 0, "Cancelled": 0}


def add_some(manager: Any) -> None:
    for owner in ("ann", "ann", "bob", None):
        manager.finish(manager.add(owner=owner))
        manager.add(owner=owner)


async def asked(world: Any, user: str, query: str = "") -> Any:
    async with world.http(headers={"x-user": user}) as http:
        return await http.get(f"/api/tasks/counts{query}")


async def test_only_what_the_requester_may_see_is_counted(world: Any, manager: Any) -> None:
    add_some(manager)
    answer = await asked(world, "ann")
    assert answer.json() == NONE | {"Running": 3, "Completed": 3}
    assert answer.headers["cache-control"] == "no-store"
    assert (await asked(world, "bob", "?owner=ann")).json() == NONE
    assert (await asked(world, "bob", "?owner=ann&owner=bob")).json() == (
        NONE | {"Running": 1, "Completed": 1}
    )
    assert (await asked(world, "eve", "?status=Completed")).json() == {"Completed": 1}


async def test_a_page_can_say_how_many_there_are_in_all(world: Any, manager: Any) -> None:
    add_some(manager)
    async with world.http(headers={"x-user": "ann"}) as http:
        page = (await http.get("/api/tasks?count=true&limit=1")).json()
        assert (len(page["items"]), page["total"]) == (1, 6)
        assert "total" not in (await http.get("/api/tasks?count=false")).json()
        refused = await http.get("/api/tasks?count=yes")
    assert (refused.status_code, "true or false" in refused.json()["detail"]) == (400, True)


class Even(BackgroundTaskPolicy):
    """Decides for each task."""

    async def can_view(self, requester: Any, task: Any) -> bool:
        return True


@pytest.mark.parametrize("route", ["/api/tasks/counts", "/api/tasks?count=true"])
async def test_where_only_a_predicate_knows_nothing_is_counted(
    make_world: Any, manager: Any, user_header: Any, route: str
) -> None:
    add_some(manager)
    world = await make_world(wrap=user_header, policy=Even())
    async with world.http(headers={"x-user": "ann"}) as http:
        answer = await http.get(route)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "cannot be counted" in answer.json()["detail"]


class Many(BackgroundTaskPolicy):
    """Sees the tasks of very many owners."""

    async def visible_owners(self, requester: Any) -> frozenset[str | None]:
        return frozenset(f"owner {number}" for number in range(500)) | {"ann"}


async def test_the_owners_that_are_counted_at_once_are_bounded(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    add_some(manager)
    world = await make_world(wrap=user_header, policy=Many())
    refused = await asked(world, "ann")
    assert (refused.status_code, "more than 100 owners" in refused.json()["detail"]) == (403, True)
    assert (await asked(world, "ann", "?owner=ann&status=Running")).json() == {"Running": 2}


async def test_a_filter_that_is_none_is_refused_by_name(world: Any) -> None:
    for query, said in (
        ("?state=x", "'state'"),
        ("?q=" + "x" * 201, "q is"),
        ("?limit=5", "limit"),
    ):
        answer = await asked(world, "ann", query)
        assert (answer.status_code, said in answer.json()["detail"]) == (400, True)
