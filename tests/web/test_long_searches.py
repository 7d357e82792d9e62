"""Searches over HTTP that end early: what they say, and to whom."""

from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy
from tests.web.listing_pages import pages


@pytest.fixture
def searched(manager: Any) -> Any:
    """Two tasks that fit among ten of ann's and ten of bob's; three are looked at in a second."""
    for number in range(10):
        for owner in ("ann", "bob"):
            manager.add(owner=owner, name="needle" if number in (2, 8) else f"Copy {number}")
    manager.looked_at = 3
    return manager


async def test_a_search_goes_on_page_by_page_and_says_how_far_it_came(
    make_world: Any, searched: Any, user_header: Any
) -> None:
    found = await pages(await make_world(wrap=user_header), "ann", q="needle")
    assert [len(page["items"]) for page in found] == [1, 0, 1, 0]
    assert [item["owner"] for page in found for item in page["items"]] == ["ann", "ann"]
    ann = [info for info in reversed(searched.tasks.values()) if info.owner == "ann"]
    times = [ann[place].created_at.isoformat()[:19] for place in (2, 5, 8)]
    assert [page["searchedTo"][:19] for page in found[:-1]] == times
    assert "searchedTo" not in found[-1]


async def test_a_page_that_is_cut_because_of_its_size_was_not_searched_to_its_end(
    make_world: Any, searched: Any, user_header: Any
) -> None:
    searched.looked_at = 9
    for info in list(searched.tasks.values()):
        searched.publish(info, payload="x" * 600_000)
    query = {"q": "needle", "include": "payload"}
    found = await pages(await make_world(wrap=user_header), "ann", **query)
    assert [len(page["items"]) for page in found] == [1, 1]
    assert ["searchedTo" in page for page in found] == [False, False]


class OwnOnly(BackgroundTaskPolicy):
    """The predicate alone decides: the store is not told whose tasks may be seen."""

    async def can_view(self, requester: Any, task: Any) -> bool:
        return bool(task.owner == requester.identity)


@pytest.mark.parametrize("user", ["ann", "eve"])
async def test_a_search_never_ends_at_a_task_that_is_hidden(
    make_world: Any, searched: Any, user_header: Any, user: str
) -> None:
    world = await make_world(wrap=user_header, policy=OwnOnly())
    found = await pages(world, user, q="needle")
    if user == "eve":
        assert found == [{"items": [], "nextCursor": None}]
    own = {
        info.created_at.isoformat()[:19] for info in searched.tasks.values() if info.owner == "ann"
    }
    assert {page["searchedTo"][:19] for page in found[:-1]} <= own
    assert sum(len(page["items"]) for page in found) == (2 if user == "ann" else 0)
