"""Cursors of listings tell nothing of what is hidden, and serve nobody else. FAULTS 23."""

import string
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgtasks import BackgroundTaskPolicy
from bgtasks.errors import QueryError
from bgtasks.models import UNSET
from bgtasks.web.cursors import listing_mark, read_cursor, write_cursor
from tests.web.conftest import FakeManager, World
from tests.web.listing_pages import pages


class OwnOnly(BackgroundTaskPolicy):
    """The predicate alone decides: the store is not told whose tasks may be seen."""

    async def can_view(self, requester: Any, task: Any) -> bool:
        return bool(task.owner == requester.identity)


@pytest.fixture
async def world(make_world: Any, user_header: Any) -> Any:
    return await make_world(wrap=user_header, policy=OwnOnly())


@pytest.mark.parametrize("hidden", [0, 1, 5, 60, 5_000])
@pytest.mark.parametrize(
    "query", [{}, {"limit": 1}, {"owner": "bob"}, {"type": "Copy"}, {"status": "Running"}]
)
async def test_who_sees_nothing_gets_the_same_answer_whatever_is_there(
    world: Any, manager: Any, hidden: int, query: Any
) -> None:
    for _ in range(hidden):
        manager.add(owner="bob")
    assert await pages(world, "ann", **query) == [{"items": [], "nextCursor": None}]


@pytest.mark.parametrize("hidden", [0, 1, 60])
async def test_whether_hidden_tasks_follow_does_not_show_in_the_cursor(
    world: Any, manager: Any, hidden: int
) -> None:
    for _ in range(hidden):
        manager.add(owner="bob")
    for _ in range(3):
        manager.add(owner="ann")
    (page,) = await pages(world, "ann", limit=3)
    assert (len(page["items"]), page["nextCursor"]) == (3, None)


async def test_a_cursor_is_the_same_however_many_hidden_tasks_there_are(
    make_world: Any, user_header: Any
) -> None:
    cursors = []
    for hidden in (0, 7):
        manager = FakeManager()
        world = World(manager, (await make_world()).clock)
        world.wrap, world.policy = user_header, OwnOnly()
        await world.start()
        for number in range(1, 4):
            for _ in range(hidden):
                manager.add(owner="bob")
            manager.add(owner="ann", id=UUID(int=number))
        cursors.append((await pages(world, "ann", limit=1))[0]["nextCursor"])
        await world.stop()
    assert cursors[0] == cursors[1]


async def test_the_store_is_not_asked_for_the_tasks_of_others(world: Any, manager: Any) -> None:
    manager.add(owner="bob")
    manager.add(owner="ann")
    for owners in (["bob"], ["bob", "ann"], [""], ["", "ann"]):
        items = (await pages(world, "ann", owner=owners))[0]["items"]
        assert [item["owner"] for item in items] == (["ann"] if "ann" in owners else [])
    assert {asked["owner"] for asked in manager.asked} == {UNSET}
    await pages(world, "ann", owner="ann")
    assert list(manager.asked[-1]["owner"]) == ["ann"]


async def test_who_sees_everything_by_a_predicate_finds_the_old_tasks_of_one_owner(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    class Admin(BackgroundTaskPolicy):
        async def can_view(self, requester: Any, task: Any) -> bool:
            return True

    world = await make_world(wrap=user_header, policy=Admin())
    for number in range(9_000):
        manager.add(owner="ann" if number % 4_000 == 5 else "bob")
    found = await pages(world, "root", owner="ann", limit=2)
    assert [item["owner"] for page in found for item in page["items"]] == ["ann"] * 3


async def test_a_cursor_is_good_for_its_listing_and_its_requester_only(
    world: Any, manager: Any
) -> None:
    for _ in range(4):
        manager.add(owner="ann")
        manager.add(owner="bob")
    listing = {"type": "Copy", "status": ["Running", "Pending"], "owner": "ann"}
    async with world.http(headers={"x-user": "ann"}) as http:
        cursor = (await http.get("/api/tasks", params=listing | {"limit": 1})).json()["nextCursor"]
        same = {"status": ["Pending", "Running", "Running"], "type": "Copy", "owner": "ann"}
        for filters in (listing, same):
            answer = await http.get("/api/tasks", params=filters | {"cursor": cursor, "limit": 2})
            assert len(answer.json()["items"]) == 2
        for changed in ({"type": "Scan"}, {"status": "Running"}, {"owner": ["ann", ""]}):
            answer = await http.get("/api/tasks", params=listing | changed | {"cursor": cursor})
            assert (answer.status_code, "Begin again" in answer.json()["detail"]) == (400, True)
        answer = await http.get("/api/tasks", params={"cursor": cursor})
        assert answer.status_code == 400
    async with world.http(headers={"x-user": "bob"}) as http:
        answer = await http.get("/api/tasks", params=listing | {"cursor": cursor})
    assert answer.status_code == 400


async def test_a_cursor_made_up_for_a_hidden_task_is_answered_as_for_one_that_is_not_there(
    world: Any, manager: Any
) -> None:
    hidden = manager.add(owner="bob")
    mark = listing_mark([None, None, None], "ann")
    details = set()
    async with world.http(headers={"x-user": "ann"}) as http:
        for task_id in (hidden.id, UUID(int=5)):
            cursor = write_cursor(task_id, mark)
            answer = await http.get("/api/tasks", params={"cursor": cursor})
            assert answer.status_code == 400
            details.add(answer.json()["detail"].replace(cursor, "CURSOR"))
    assert len(details) == 1


async def test_tasks_that_come_in_between_two_pages_move_nothing(world: Any, manager: Any) -> None:
    tasks = [manager.add(owner="ann") for _ in range(6)]
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    async with world.http(headers={"x-user": "ann"}) as http:
        while cursor != {"cursor": None}:
            page = (await http.get("/api/tasks", params={"limit": 2} | cursor)).json()
            seen += [item["id"] for item in page["items"]]
            cursor = {"cursor": page["nextCursor"]}
            manager.add(owner="ann")
            manager.add(owner="bob")
    assert seen == [str(task.id) for task in reversed(tasks)]


@settings(max_examples=200)
@given(st.text(max_size=60) | st.text(string.ascii_letters + string.digits + "-_=", max_size=60))
def test_whatever_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="cursor is"):
        read_cursor(text, listing_mark("a"))


@given(st.uuids(), st.lists(st.text()))
def test_a_cursor_leads_back_to_its_task_within_its_listing(task_id: UUID, what: Any) -> None:
    mark = listing_mark(what)
    assert read_cursor(write_cursor(task_id, mark), mark) == task_id
    with pytest.raises(QueryError):
        read_cursor(write_cursor(task_id, mark), listing_mark([*what, "more"]))
