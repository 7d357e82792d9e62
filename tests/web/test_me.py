"""Who is asking, and what the policy lets it see and do beside single tasks."""

from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy, __version__

ABOUT = {"release": __version__, "backend": "sqlite", "now": "2026-01-01T00:00:00.000000Z"}


class Operators(BackgroundTaskPolicy):
    """Ada sees statistics and may not control; Bob controls and sees arguments."""

    async def can_see_statistics(self, requester: Any) -> bool:
        return bool(requester.identity == "ada")

    async def can_see_arguments(self, requester: Any) -> bool:
        return bool(requester.identity == "bob")

    async def can_control(self, requester: Any) -> bool:
        return bool(requester.identity == "bob")


async def test_a_developer_may_see_and_do_everything(world: Any) -> None:
    async with world.http() as http:
        answer = await http.get("/api/me")
    can = {"statistics": True, "arguments": True, "control": True}
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"identity": None, "can": can} | ABOUT


@pytest.mark.parametrize(
    ("user", "statistics", "others"),
    [("ada", True, False), ("bob", False, True), ("eve", False, False)],
)
async def test_a_user_may_what_the_policy_says(
    make_world: Any, user_header: Any, user: str, statistics: bool, others: bool
) -> None:
    world = await make_world(wrap=user_header, policy=Operators())
    async with world.http(headers={"x-user": user}) as http:
        answer = await http.get("/api/me")
    can = {"statistics": statistics, "arguments": others, "control": others}
    assert answer.json() == {"identity": user, "can": can} | ABOUT


async def test_who_may_not_connect_learns_nothing(make_world: Any, user_header: Any) -> None:
    world = await make_world(wrap=user_header)
    async with world.http() as http:
        answer = await http.get("/api/me")
    assert answer.status_code == 403
