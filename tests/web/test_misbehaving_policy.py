"""A policy that raises what it likes, or never answers: nobody else notices."""

import asyncio
import logging
from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy
from bgtasks.web.hub.socketio.sockets import STOP_TIMEOUT

# FAULTS 5 and 25.


class Panic(BaseException):
    """As the binding of a Rust extension raises it."""


ERRORS = [
    asyncio.CancelledError,
    GeneratorExit,
    Panic,
    SystemExit,
    StopAsyncIteration,
    RuntimeError,
    lambda: BaseExceptionGroup("several", [Panic(), ValueError()]),
]


class Moody(BackgroundTaskPolicy):
    """Raises, or waits, at the questions in ``raising`` and ``waiting`` about the users named."""

    def __init__(self) -> None:
        self.error: Any = RuntimeError
        self.raising: set[tuple[str, str]] = set()
        self.waiting: set[tuple[str, str]] = set()
        self.answers = asyncio.Event()

    async def _mood(self, question: str, requester: Any) -> bool:
        who = requester.connection.headers.get("x-user", "")
        if (question, who) in self.raising:
            raise self.error()
        if (question, who) in self.waiting:
            await self.answers.wait()
        return True

    async def can_connect(self, requester: Any) -> bool:
        return await self._mood("can_connect", requester)

    async def can_view(self, requester: Any, task: Any) -> bool:
        return await self._mood("can_view", requester)

    async def can_cancel(self, requester: Any, task: Any) -> bool:
        return await self._mood("can_cancel", requester)


@pytest.fixture
def policy() -> Any:
    return Moody()


@pytest.fixture
async def world(make_world: Any, policy: Any) -> Any:
    return await make_world(policy=policy)


def as_user(name: str) -> Any:
    return [("x-user", name)]


def loops_are_well(world: Any) -> bool:
    return world.hub.trouble is None


@pytest.mark.parametrize("error", ERRORS)
async def test_a_policy_that_raises_at_an_update_costs_only_that_client(
    world: Any, policy: Any, manager: Any, clock: Any, error: Any
) -> None:
    bad = await world.joined(headers=as_user("bad"))
    good = await world.joined(headers=as_user("good"))
    policy.error, policy.raising = error, {("can_view", "bad")}
    for _ in range(3):
        manager.publish(manager.add())
        assert (await good.update())["type"] == "Copy"
    assert await bad.closed() == []
    assert loops_are_well(world)
    await world.hub.stop()


@pytest.mark.parametrize("error", ERRORS)
async def test_a_policy_that_raises_when_clients_are_asked_about_again_costs_only_that_one(
    world: Any, policy: Any, manager: Any, clock: Any, error: Any
) -> None:
    bad = await world.joined(headers=as_user("bad"))
    good = await world.joined(headers=as_user("good"))
    policy.error, policy.raising = error, {("can_connect", "bad")}
    for _ in range(70):
        clock.advance(1)
        await world.settled()
    assert await bad.closed() == []
    manager.publish(manager.add())
    assert (await good.update())["type"] == "Copy"
    assert loops_are_well(world)


@pytest.mark.parametrize("error", ERRORS)
async def test_a_policy_that_raises_refuses_who_asks_and_is_logged(
    world: Any, policy: Any, manager: Any, caplog: Any, error: Any
) -> None:
    info = manager.add()
    policy.error = error
    policy.raising = {("can_connect", "bad"), ("can_view", "blind"), ("can_cancel", "meek")}
    socket = await world.socket(headers=as_user("bad"))
    assert (await socket.join()).startswith("44")
    blind = await world.socket(headers=as_user("blind"))
    await blind.join()
    assert await blind.closed() == []
    meek = await world.joined(headers=as_user("meek"))
    await meek.update()
    assert (await meek.call("CancelTask", {"id": str(info.id)}))["ok"] is False
    async with world.http() as http:
        for name in ("bad", "blind"):
            answer = await http.get("/api/tasks", headers={"x-user": name})
            assert answer.status_code == 500
            assert answer.headers["content-type"] == "application/problem+json"
        meek = await http.delete(f"/api/tasks/{info.id}", headers={"x-user": "meek"})
        assert meek.status_code == 500
        assert (await http.get("/api/health")).status_code == 200
    assert manager.tasks[info.id] == info
    for question in ("can_connect", "can_view", "can_cancel"):
        assert caplog.text.count(f"Moody.{question} raised") == 1


async def test_what_a_policy_raises_is_logged_with_its_traceback(
    world: Any, policy: Any, caplog: Any
) -> None:
    policy.raising = {("can_connect", "")}
    async with world.http() as http:
        await http.get("/api/tasks")
    assert "in _mood" in caplog.text
    assert "see docs/how-to/access.md" in caplog.text


@pytest.mark.parametrize("error", ERRORS)
async def test_a_payload_that_raises_when_it_is_encoded_costs_only_that_update(
    world: Any, manager: Any, caplog: Any, error: Any
) -> None:
    class Nasty(dict[str, Any]):
        def __iter__(self) -> Any:
            raise error()

        keys = items = values = __len__ = __iter__

    socket = await world.joined()
    manager.publish(manager.add(payload=Nasty(a=1)))
    good = manager.publish(manager.add())
    assert (await socket.updates_until(good))[-1]["id"] == str(good.id)
    assert loops_are_well(world)


async def test_an_update_reaches_at_once_who_is_known_to_see_it_while_another_is_asked_about(
    world: Any, policy: Any, manager: Any
) -> None:
    policy.waiting = {("can_view", "slow")}
    slow = await world.joined(headers=as_user("slow"))
    quick = await world.joined(headers=as_user("quick"))
    tasks = [manager.publish(manager.add()) for _ in range(5)]
    for task in tasks:
        assert (await quick.update())["id"] == str(task.id)
    await world.settled()
    assert slow.from_app.empty()
    manager.finish(tasks[0])
    assert (await quick.update())["status"] == "Completed"
    policy.answers.set()
    got = [await slow.update() for _ in tasks]
    assert {update["id"] for update in got} == {str(task.id) for task in tasks}
    assert [u["status"] for u in got if u["id"] == str(tasks[0].id)] == ["Completed"]


async def test_replays_are_read_while_the_policy_does_not_answer_for_many_others(
    world: Any, policy: Any, manager: Any
) -> None:
    manager.add()
    policy.waiting = {("can_view", "slow")}
    for _ in range(20):
        await world.joined(headers=as_user("slow"))
    quick = await world.joined(headers=as_user("quick"))
    assert (await quick.update())["type"] == "Copy"


async def test_hundreds_that_wait_for_the_policy_do_not_hold_up_others(
    make_world: Any, policy: Any, manager: Any, clock: Any
) -> None:
    world = await make_world(policy=policy, max_clients=500)
    policy.waiting = {("can_view", "slow")}
    for _ in range(250):
        await world.joined(headers=as_user("slow"))
    quick = await world.joined(headers=as_user("quick"))
    manager.publish(manager.add())
    for _ in range(5):
        clock.advance(0.1)
        await world.settled()
    assert (await quick.update())["type"] == "Copy"


@pytest.mark.parametrize("question", ["can_connect", "can_view", "can_cancel"])
async def test_over_http_an_answer_that_does_not_come_is_a_503(
    world: Any, policy: Any, manager: Any, clock: Any, caplog: Any, question: str
) -> None:
    info = manager.add()
    policy.waiting = {(question, "")}
    async with world.http() as http:
        asking = asyncio.create_task(http.delete(f"/api/tasks/{info.id}"))
        await world.settled()
        assert not asking.done()
        clock.advance(5)
        answer = await asking
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"Moody.{question} took longer than 5 seconds" in caplog.text
    assert manager.tasks[info.id] == info


async def test_a_question_that_does_not_even_end_when_it_is_cancelled_is_left_behind(
    make_world: Any, clock: Any, manager: Any
) -> None:
    ends = asyncio.Event()

    class Stubborn(BackgroundTaskPolicy):
        async def can_view(self, requester: Any, task: Any) -> bool:
            while not ends.is_set():
                try:
                    await ends.wait()
                except asyncio.CancelledError:
                    continue
            return True

    world = await make_world(policy=Stubborn())
    manager.add()
    async with world.http() as http:
        asking = asyncio.create_task(http.get("/api/tasks"))
        await world.settled()
        clock.advance(5)
        assert (await asking).status_code == 503
    ends.set()
    await world.settled()


async def test_a_listing_may_take_its_time_as_long_as_answers_come(
    make_world: Any, manager: Any, clock: Any
) -> None:
    class Slow(BackgroundTaskPolicy):
        step = asyncio.Event()

        async def can_view(self, requester: Any, task: Any) -> bool:
            await self.step.wait()
            self.step.clear()
            return True

    world = await make_world(policy=Slow())
    for _ in range(4):
        manager.add()
    async with world.http() as http:
        asking = asyncio.create_task(http.get("/api/tasks"))
        for _ in range(4):
            await world.settled()
            clock.advance(4)
            Slow.step.set()
        answer = await asking
    assert len(answer.json()["items"]) == 4


async def test_a_hub_that_is_stopped_while_the_policy_is_asked_leaves_nothing(
    world: Any, policy: Any, manager: Any, caplog: Any
) -> None:
    caplog.set_level(logging.WARNING)
    policy.waiting = {("can_view", "slow"), ("can_connect", "late")}
    await world.joined(headers=as_user("slow"))
    late = await world.socket(headers=as_user("late"))
    late.send("40/background-tasks,")
    manager.publish(manager.add())
    await world.settled()
    stopping = asyncio.create_task(world.hub.stop())
    await world.settled()
    world.clock.advance(STOP_TIMEOUT)
    await stopping
    await late.close()
    await world.settled()
    asking = [t for t in asyncio.all_tasks() if "Judge" in repr(t)]
    assert asking == []


async def test_a_loop_of_the_hub_that_ended_is_trouble_and_a_stop_still_succeeds(
    world: Any, manager: Any
) -> None:
    """The loops outlive what they call; this is for what nobody thought of."""
    for task in asyncio.all_tasks():
        if task.get_name() == "sending updates to clients":
            task.cancel()
    await world.settled()
    assert "sending updates to clients" in world.hub.trouble
    async with world.http() as http:
        answer = await http.get("/api/health")
    assert answer.status_code == 503
    await world.hub.stop()
    assert world.hub.trouble is None


async def test_a_policy_that_cancels_the_question_itself_is_logged(
    make_world: Any, caplog: Any
) -> None:
    class Cancelling(BackgroundTaskPolicy):
        async def can_connect(self, requester: Any) -> bool:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
            return True

    world = await make_world(policy=Cancelling())
    async with world.http() as http:
        assert (await http.get("/api/tasks")).status_code == 500
    assert "Cancelling.can_connect raised CancelledError" in caplog.text
