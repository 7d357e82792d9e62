"""Where the owners say which tasks a user may see, the policy is asked once for each client."""

from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy
from bgtasks.web.hub.audience import VERDICT_AGE
from bgtasks.web.hub.by_owner import MAX_OWNERS
from tests.web.test_policy import everything


class Teams(BackgroundTaskPolicy):
    """``rights``: whose tasks each user sees."""

    def __init__(self, **rights: Any) -> None:
        self.rights = rights
        self.asked: list[str] = []

    async def visible_owners(self, requester: Any) -> Any:
        self.asked.append(requester.identity)
        return self.rights[requester.identity]


class CanView(Teams):
    """Says the same of each task."""

    async def can_view(self, requester: Any, task: Any) -> bool:
        return await super().can_view(requester, task)


async def joined(world: Any, user: str) -> Any:
    return await world.joined(headers=[("x-user", user)])


async def came(world: Any, socket: Any) -> set[str]:
    return {update["type"] for update in await everything(world, socket)}


ALL = frozenset({"ann", "bob", None})
MANY = frozenset({"bob", *map(str, range(MAX_OWNERS + 1))})


@pytest.mark.parametrize("kind", [Teams, CanView])
async def test_each_client_gets_the_tasks_of_the_owners_it_sees(
    make_world: Any, manager: Any, user_header: Any, kind: type[Teams]
) -> None:
    policy = kind(ann=frozenset({"ann"}), both=ALL, root=None, many=MANY, nobody=frozenset())
    world = await make_world(wrap=user_header, policy=policy)
    sockets = {name: await joined(world, name) for name in policy.rights}
    for _ in range(2):  # before and after the policy was asked
        for owner, name in (("ann", "Ann"), ("bob", "Bob"), (None, "Nobodys")):
            manager.publish(manager.add(name, owner=owner))
        found = {name: await came(world, socket) for name, socket in sockets.items()}
        assert found == {
            "ann": {"Ann"},
            "both": {"Ann", "Bob", "Nobodys"},
            "root": {"Ann", "Bob", "Nobodys"},
            "many": {"Bob"},
            "nobody": set(),
        }


async def test_the_policy_is_asked_once_and_again_after_a_minute(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    policy = Teams(ann=frozenset({"ann"}), bob=frozenset({"bob"}))
    world = await make_world(wrap=user_header, policy=policy)
    ann, bob = await joined(world, "ann"), await joined(world, "bob")
    manager.publish(manager.add("First", owner="ann"))
    await world.settled()
    policy.asked.clear()
    for number in range(20):
        manager.publish(manager.add("More", owner=f"somebody {number}"))
        manager.publish(manager.add("Own", owner="ann"))
    await world.settled()
    assert policy.asked == []
    assert await came(world, ann) == {"First", "Own"}
    policy.rights |= {"ann": frozenset(), "bob": frozenset({"ann"})}
    world.clock.advance(VERDICT_AGE)
    await world.settled()
    policy.asked.clear()
    for _ in range(2):
        manager.publish(manager.add("Later", owner="ann"))
        await world.settled()
    assert sorted(policy.asked) == ["ann", "bob"]
    assert await came(world, bob) == {"Later"}
    assert await came(world, ann) == set()


async def test_updates_that_come_while_the_policy_is_asked_keep_their_order(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    policy = Teams(ann=frozenset({"ann"}))
    world = await make_world(wrap=user_header, policy=policy)
    socket = await joined(world, "ann")
    tasks = [manager.add("Copy", owner="ann") for _ in range(200)]
    for progress in (1.0, 2.0, 3.0):
        for info in tasks:
            manager.publish(info, progress=progress)
    seen: dict[str, list[float]] = {}
    for update in await everything(world, socket):
        seen.setdefault(update["id"], []).append(update["progress"])
    assert len(seen) == len(tasks)
    assert all(each == sorted(each) and each[-1] == 3.0 for each in seen.values())


async def test_who_leaves_is_forgotten(make_world: Any, manager: Any, user_header: Any) -> None:
    policy = Teams(ann=frozenset({"ann"}), root=None)
    world = await make_world(wrap=user_header, policy=policy)
    for name in ("ann", "root"):
        socket = await joined(world, name)
        manager.publish(manager.add("Copy", owner="ann"))
        assert await came(world, socket) == {"Copy"}
        socket.send("41/background-tasks,")
    await world.settled()
    assert len(world.audience) == 0
    seeing, unknown = world.audience.who_follows(manager.add("Copy", owner="ann"))
    assert (seeing, unknown) == ([], [])
