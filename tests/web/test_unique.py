"""A retry whose key another task holds: who is told which."""

from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy


class OwnOnly(BackgroundTaskPolicy):
    async def can_view(self, requester: Any, task: Any) -> bool:
        return bool(task.owner == requester.identity)


@pytest.fixture
async def world(make_world: Any, user_header: Any) -> Any:
    return await make_world(wrap=user_header, policy=OwnOnly())


async def test_a_retry_whose_key_is_held_names_the_holder(world: Any, manager: Any) -> None:
    failed, holder = manager.add(owner="ada", status="Failed"), manager.add(owner="ada")
    manager.key_holders[failed.id] = holder.id
    async with world.http(headers={"x-user": "ada"}) as http:
        answer = await http.post(f"/api/tasks/{failed.id}/retry")
    assert answer.status_code == 409
    assert answer.json()["existing"] == str(holder.id)
    assert str(holder.id) in answer.json()["detail"]


async def test_nobody_learns_of_a_holder_that_is_not_theirs_to_see(
    world: Any, manager: Any
) -> None:
    """Where keys go across owners."""
    failed, holder = manager.add(owner="ada", status="Failed"), manager.add(owner="bob")
    manager.key_holders[failed.id] = holder.id
    async with world.http(headers={"x-user": "ada"}) as http:
        answer = await http.post(f"/api/tasks/{failed.id}/retry")
    assert answer.status_code == 409
    assert "existing" not in answer.json()
    assert str(holder.id) not in answer.text
    assert "another task with the same key" in answer.json()["detail"]
