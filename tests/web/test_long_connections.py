"""What happens to a client that was let in and has lost its right since."""

import json
from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy

REFUSED = '42/background-tasks,["Refused",'
DISCONNECT = "41/background-tasks,"


class Session(BackgroundTaskPolicy):
    """Valid until it is not."""

    def __init__(self) -> None:
        self.valid = True
        self.fail = False
        self.asked = 0

    async def can_connect(self, requester: Any) -> bool:
        self.asked += 1
        if self.fail:
            raise RuntimeError("no database")
        return self.valid


@pytest.fixture
def policy() -> Any:
    return Session()


@pytest.fixture
async def world(make_world: Any, policy: Any) -> Any:
    return await make_world(policy=policy)


async def pass_time(world: Any, seconds: int) -> None:
    for _ in range(seconds):
        world.clock.advance(1)
        await world.settled()


async def joined_between_looks(world: Any, auth: Any = None) -> Any:
    """A client whose verdict is a minute old some seconds before the periodic look finds that."""
    await pass_time(world, 5)
    return await world.joined(auth)


async def is_told(socket: Any) -> None:
    """It gets the reason and then the disconnect after which a JavaScript client stays away."""
    refused = await socket.frame()
    assert refused.startswith(REFUSED)
    _, message = json.loads(refused.partition(",")[2])
    assert message == {"error": "you may not use background tasks here any more"}
    assert await socket.frame() == DISCONNECT


async def test_a_client_is_asked_about_every_minute_also_when_nothing_happens(
    world: Any, policy: Any
) -> None:
    await world.joined()
    await pass_time(world, 59)
    assert policy.asked == 1
    await pass_time(world, 11)
    assert policy.asked == 2
    await pass_time(world, 49)
    assert policy.asked == 2
    await pass_time(world, 11)
    assert policy.asked == 3


async def test_a_client_that_lost_its_right_is_told_so_though_nothing_happens(
    world: Any, policy: Any
) -> None:
    socket = await world.joined()
    policy.valid = False
    await pass_time(world, 70)
    await is_told(socket)
    assert len(world.audience) == 0
    assert not world.server.manager.rooms


async def test_an_update_finds_it_out_too_and_is_not_sent(
    world: Any, manager: Any, policy: Any, clock: Any
) -> None:
    socket = await joined_between_looks(world)
    policy.valid = False
    await pass_time(world, 61)
    manager.publish(manager.add())
    await is_told(socket)
    await world.settled()
    assert socket.from_app.empty()


async def test_a_command_is_answered_before_the_client_is_sent_away(
    world: Any, manager: Any, policy: Any, clock: Any
) -> None:
    info = manager.add()
    socket = await joined_between_looks(world, {"types": ["Nothing"]})
    policy.valid = False
    await pass_time(world, 61)
    answer = await socket.call("CancelTask", {"id": str(info.id)})
    assert answer["ok"] is False
    assert "not allowed" in answer["error"]
    await is_told(socket)
    assert manager.tasks[info.id].cancel_requested is False


async def test_who_does_not_go_after_that_is_closed(world: Any, policy: Any) -> None:
    socket = await world.joined()
    policy.valid = False
    await pass_time(world, 70)
    await is_told(socket)
    await pass_time(world, 10)
    assert await socket.closed() == []
    assert world.server.eio.sockets == {}


async def test_who_comes_back_is_refused_with_a_reason(world: Any, policy: Any) -> None:
    socket = await world.joined()
    policy.valid = False
    await pass_time(world, 61)
    await is_told(socket)
    answer = await socket.join()
    assert answer.startswith("44/background-tasks,")
    assert "you may not use background tasks here" in answer


async def test_a_client_that_does_not_read_is_sent_nothing_more_of_the_tasks(
    world: Any, manager: Any, policy: Any
) -> None:
    tasks = [manager.add() for _ in range(40)]
    socket = await world.joined({"types": ["Nothing"]})
    await socket.call("Subscribe")
    socket.reads.clear()
    for task in tasks:
        manager.publish(task, progress=1.0)
    await world.settled()
    policy.valid = False
    await pass_time(world, 61)
    socket.reads.set()
    frames = []
    while DISCONNECT not in frames:
        frames.append(await socket.frame())
    assert frames[-2].startswith(REFUSED)
    assert len(frames) <= 40
    await world.settled()
    assert socket.from_app.empty()


async def test_a_policy_that_fails_sends_clients_away_to_come_back(
    world: Any, policy: Any, caplog: Any
) -> None:
    socket = await world.joined()
    policy.fail = True
    await pass_time(world, 70)
    assert await socket.closed() == []
    assert "no database" in caplog.text


async def test_the_looks_go_on_after_a_policy_failed(world: Any, policy: Any, caplog: Any) -> None:
    await world.joined()
    policy.fail = True
    await pass_time(world, 70)
    policy.fail = False
    socket = await world.joined()
    policy.valid = False
    await pass_time(world, 70)
    await is_told(socket)
