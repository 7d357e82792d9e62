"""What Socket.IO clients are sent, and when."""

import asyncio
from datetime import timedelta
from typing import Any

import attrs
import pytest

from bgtasks.errors import BackendError
from bgtasks.web.hub.socketio.websocket import JOIN_TIMEOUT
from tests.web.ways import WAYS

pytestmark = pytest.mark.parametrize("way", WAYS, indirect=True)


async def test_a_client_gets_every_update_of_a_task_in_the_documented_shape(
    world: Any, manager: Any
) -> None:
    socket = await world.joined()
    info = manager.publish(manager.add(progress=42.0, status_message="movie.mkv"))
    assert await socket.update() == world.codec.wire(info)


async def test_connecting_replays_active_and_lately_ended_tasks_oldest_first(
    world: Any, manager: Any
) -> None:
    long_ago = manager.add(status="Completed", completed_at=world.clock.now() - timedelta(hours=1))
    tasks = [manager.add(status=s) for s in ("Failed", "Running", "Pending", "Cancelled")]
    socket = await world.joined()
    got = [(await socket.update())["id"] for _ in tasks]
    assert got == [str(task.id) for task in tasks]
    last = manager.publish(manager.add())
    assert [u["id"] for u in await socket.updates_until(last)] == [str(last.id)]
    assert str(long_ago.id) not in got


async def test_the_replay_comes_after_the_answer_to_connect(world: Any, manager: Any) -> None:
    manager.add()
    socket = await world.socket()
    assert (await socket.join()).startswith("40")
    assert (await socket.frame()).startswith("42")


async def test_running_tasks_are_replayed_even_when_thousands_wait(
    world: Any, manager: Any
) -> None:
    running = manager.add()
    for _ in range(500):
        manager.add(status="Pending")
    socket = await world.joined()
    got = [await socket.update() for _ in range(200)]
    assert got[0]["id"] == str(running.id)


async def test_a_task_handed_in_long_before_many_others_is_replayed_when_it_ends(
    world: Any, manager: Any
) -> None:
    old = manager.add()
    for _ in range(300):
        manager.add(status="Completed", completed_at=world.clock.now() - timedelta(hours=1))
    manager.finish(old)
    socket = await world.joined()
    assert (await socket.update())["status"] == "Completed"


async def test_an_update_while_the_replay_is_read_is_not_missed_and_not_overtaken(
    world: Any, manager: Any
) -> None:
    info = manager.add(progress=1.0)
    manager.may_read.clear()
    socket = await world.joined()
    newer = manager.publish(info, progress=2.0)
    other = manager.publish(manager.add(type="Other"))
    await world.settled()
    manager.tasks[info.id] = info  # the read sees the older state
    manager.may_read.set()
    got = await socket.updates_until(other)
    assert [(u["id"], u["revision"]) for u in got] == [
        (str(info.id), newer.revision),
        (str(other.id), other.revision),
    ]


async def test_types_given_at_connect_narrow_what_is_followed(world: Any, manager: Any) -> None:
    by_auth = await world.joined({"types": ["Scan"]})
    by_query = await world.joined(query="EIO=4&transport=websocket&type=Scan&type=Move")
    manager.publish(manager.add(type="Copy"))
    scan = manager.publish(manager.add(type="Scan"))
    move = manager.publish(manager.add(type="Move"))
    assert [u["type"] for u in await by_query.updates_until(move)] == ["Scan", "Move"]
    assert [u["type"] for u in await by_auth.updates_until(scan)] == ["Scan"]


@pytest.mark.parametrize("auth", [{"types": "Scan"}, {"types": [""]}, {"types": ["x" * 201]}, [1]])
async def test_unusable_types_at_connect_are_refused_with_the_reason(world: Any, auth: Any) -> None:
    socket = await world.socket()
    answer = await socket.join(auth)
    assert answer.startswith("44/background-tasks,")
    assert "accepted" in answer


async def test_subscribe_replaces_what_is_followed_and_answers_with_its_snapshots(
    world: Any, manager: Any
) -> None:
    copy = manager.add(type="Copy")
    scan = manager.add(type="Scan")
    ended = manager.add(type="Scan", status="Completed")
    socket = await world.joined({"types": ["Nothing"]})
    answer = await socket.call("Subscribe", {"types": ["Scan"]})
    assert answer == {"ok": True, "tasks": [world.codec.wire(scan), world.codec.wire(ended)]}
    answer = await socket.call("Subscribe", {"ids": [str(copy.id)]})
    assert answer == {"ok": True, "tasks": [world.codec.wire(copy)]}
    manager.publish(scan, progress=1.0)
    manager.publish(copy, progress=1.0)
    assert [u["type"] for u in await socket.updates_until(copy)] == ["Copy"]


async def test_subscribe_without_argument_follows_everything(world: Any, manager: Any) -> None:
    info = manager.add()
    socket = await world.joined({"types": ["Nothing"]})
    assert len((await socket.call("Subscribe"))["tasks"]) == 1
    assert len((await socket.call("Subscribe", {}))["tasks"]) == 1
    manager.publish(info, progress=3.0)
    assert (await socket.update())["progress"] == 3.0


async def test_an_update_while_subscribe_reads_comes_after_the_answer(
    world: Any, manager: Any
) -> None:
    info = manager.add()
    socket = await world.joined({"types": ["Nothing"]})
    manager.may_read.clear()
    number = socket.emit("Subscribe", {"ids": [str(info.id)]})
    await world.settled()
    newer = attrs.evolve(info, progress=7.0, revision=info.revision + 1)
    manager.publish(newer)  # which is not what is read: the store was asked before
    manager.may_read.set()
    assert (await socket.ack(number))["tasks"][0]["progress"] == 0.0
    assert socket.updates == []
    assert (await socket.update())["progress"] == 7.0


async def test_clients_that_come_at_the_same_time_share_what_is_read(
    world: Any, manager: Any
) -> None:
    infos = [manager.add() for _ in range(3)]
    await world.joined()
    alone = len(manager.asked)
    manager.may_read.clear()
    sockets = [await world.joined() for _ in range(20)]
    for socket in sockets[:5]:  # these do not wait for what they asked for
        await socket.close()
    late = manager.add()
    manager.may_read.set()
    for socket in sockets[5:]:
        got = await socket.updates_until(late)
        assert {update["id"] for update in got} == {str(info.id) for info in (*infos, late)}
    assert len(manager.asked) - alone <= 2 * alone


async def test_unsubscribe_ends_all_updates(world: Any, manager: Any) -> None:
    info = manager.add()
    socket = await world.joined()
    await socket.update()
    assert await socket.call("Unsubscribe") == {"ok": True}
    manager.publish(info, progress=1.0)
    await world.settled()
    assert (await socket.call("Subscribe"))["tasks"][0]["progress"] == 1.0
    assert socket.updates == []


async def test_of_updates_that_come_while_the_hub_is_busy_only_the_newest_is_sent(
    world: Any, manager: Any, clock: Any
) -> None:
    info, other = manager.add(), manager.add()
    socket = await world.joined()
    for _ in (info, other):
        await socket.update()
    for progress in range(1, 100):
        manager.publish(info, progress=float(progress))
        manager.publish(other, progress=float(progress))
    got = [await socket.update() for _ in (info, other)]
    assert [(update["id"], update["progress"]) for update in got] == [
        (str(info.id), 99.0),
        (str(other.id), 99.0),
    ]
    assert len(await socket.updates_until(manager.publish(manager.add()))) == 1
    await world.settled()  # the question to the policy is over, too
    assert clock.pending == 1  # the look for clients that have to be authorized again


async def test_the_hub_holds_no_update_back(world: Any, manager: Any) -> None:
    info = manager.add()
    socket = await world.joined()
    await socket.update()
    for progress in (1.0, 2.0, 3.0):
        manager.publish(info, progress=progress)
        assert (await socket.update())["progress"] == progress


async def test_a_final_state_is_sent_at_once_and_what_waited_before_it_is_not(
    world: Any, manager: Any
) -> None:
    info = manager.add()
    socket = await world.joined()
    await socket.update()
    manager.publish(info, progress=1.0)
    await world.settled()
    manager.publish(info, progress=2.0)
    manager.finish(info)
    assert [(await socket.update())["status"] for _ in range(2)] == ["Running", "Completed"]
    last = manager.publish(manager.add())
    assert len(await socket.updates_until(last)) == 1


async def test_an_older_revision_that_comes_late_is_not_sent(world: Any, manager: Any) -> None:
    info = manager.add()
    socket = await world.joined()
    await socket.update()
    late = manager.change(info, progress=50.0)
    manager.finish(info)
    await world.settled()
    manager.publish(late)
    last = manager.publish(manager.add())
    assert [u["status"] for u in await socket.updates_until(last)] == ["Completed", "Running"]


async def test_an_id_that_is_handed_in_again_after_it_was_pruned_is_followed_again(
    world: Any, manager: Any, clock: Any
) -> None:
    socket = await world.joined()
    info = manager.add()
    manager.finish(manager.publish(info, progress=50.0))
    await world.settled()
    del manager.tasks[info.id]
    again = manager.add(id=info.id, created_at=clock.now() + timedelta(hours=1))
    manager.publish(again)
    got = [(await socket.update())["revision"] for _ in range(2)]
    assert got[-1] == 1


async def test_a_slow_client_gets_the_newest_of_each_task_and_bounded_memory(
    make_world: Any, manager: Any, clock: Any
) -> None:
    world = await make_world()
    tasks = [manager.add() for _ in range(20)]
    slow, fast = await world.joined(), await world.joined()
    for socket in (slow, fast):
        for _ in tasks:
            await socket.update()
    slow.reads.clear()
    for progress in range(1, 101):
        for task in tasks:
            manager.publish(task, progress=float(progress))
        await world.settled()
        clock.advance(0.2)
        await world.settled()
    client = world.audience.get(slow.sid)
    depth = client.queue.qsize()
    assert depth + len(client.backlog) <= 16 + 20
    assert fast.from_app.qsize() == 20 * 100
    slow.reads.set()
    newest: dict[str, float] = {}
    while sum(newest.values()) < 100.0 * len(tasks):
        update = await slow.update()
        assert update["progress"] >= newest.get(update["id"], 0.0)
        newest[update["id"]] = update["progress"]


async def test_a_task_runs_again_and_is_dropped(world: Any, manager: Any) -> None:
    info = manager.add(status="Failed")
    socket = await world.joined({"types": ["Nothing"]})
    answer = await socket.call("RunTaskAgain", {"id": str(info.id)})
    assert answer["ok"] is True
    assert (answer["task"]["id"] != str(info.id), answer["task"]["status"]) == (True, "Pending")
    answer = await socket.call("DeleteTask", {"id": str(info.id)})
    assert (answer["ok"], answer["task"]["id"]) == (True, str(info.id))
    assert info.id not in manager.tasks
    assert (await socket.call("DeleteTask", {"id": str(info.id)}))["ok"] is False


async def test_cancel_and_retry_answer_with_the_newest_snapshot(world: Any, manager: Any) -> None:
    info = manager.add()
    socket = await world.joined({"types": ["Nothing"]})
    answer = await socket.call("CancelTask", {"id": str(info.id)})
    assert answer["ok"] is True
    assert answer["task"]["cancelRequested"] is True
    manager.finish(info, "Cancelled")
    answer = await socket.call("CancelTask", {"id": str(info.id)})
    assert answer["ok"] is False
    assert "Cancelled" in answer["error"]
    answer = await socket.call("RetryTask", {"id": str(info.id)})
    assert answer["task"]["status"] == "Pending"
    answer = await socket.call("RetryTask", {"id": str(info.id)})
    assert answer["ok"] is False


async def test_too_many_clients_are_refused_with_a_reason(make_world: Any) -> None:
    world = await make_world(max_clients=2)
    first = await world.joined()
    await world.joined()
    third = await world.socket()
    assert "too many" in await third.join()
    await first.close()
    fourth = await world.socket()
    assert (await fourth.join()).startswith("40")


async def test_a_socket_that_does_not_join_in_time_is_closed(world: Any, clock: Any) -> None:
    socket = await world.socket()
    clock.advance(JOIN_TIMEOUT - 0.1)
    await world.settled()
    assert len(world.run.sockets) == 1
    clock.advance(0.1)
    await socket.closed()
    assert world.server.eio.sockets == {}


async def test_closing_a_connection_again_is_harmless(world: Any) -> None:
    socket = await world.joined()
    connection = world.audience.get(socket.sid).websocket
    for _ in range(5):
        connection.close()
        await asyncio.sleep(0)
    connection.close()
    assert await socket.closed() == []
    connection.close()


async def test_a_client_may_leave_and_join_again_on_the_same_socket(
    world: Any, manager: Any
) -> None:
    info = manager.add()
    socket = await world.joined()
    await socket.update()
    socket.send("41/background-tasks,")
    await world.settled()
    assert len(world.audience) == 0
    await socket.join()
    assert (await socket.update())["id"] == str(info.id)


async def test_when_the_replay_cannot_be_read_the_client_is_sent_away_to_come_back(
    world: Any, manager: Any, caplog: Any
) -> None:
    manager.fail = BackendError("disk full")
    socket = await world.socket()
    await socket.join()
    await socket.closed()
    assert "disk full" in caplog.text


async def test_errors_of_the_store_are_answered_without_details(
    world: Any, manager: Any, caplog: Any
) -> None:
    socket = await world.joined()
    manager.fail = BackendError("secret path")
    answer = await socket.call("Subscribe")
    assert answer == {"ok": False, "error": "the store of tasks is not available"}
    manager.fail = ZeroDivisionError("secret")
    answer = await socket.call("CancelTask", {"id": "0193a4e0-0000-7000-8000-000000000000"})
    assert answer == {"ok": False, "error": "an unexpected error happened; it was logged"}
    assert "ZeroDivisionError" in caplog.text


async def test_a_task_whose_payload_cannot_be_encoded_is_shown_without_it(
    world: Any, manager: Any, caplog: Any
) -> None:
    socket = await world.joined()
    bad = manager.publish(manager.add(payload=object()))
    good = manager.publish(manager.add())
    updates = await socket.updates_until(good)
    assert [(u["id"], u["payload"]) for u in updates] == [(str(i.id), None) for i in (bad, good)]
    assert "cannot be sent" in caplog.text


async def test_events_of_one_client_are_answered_one_after_the_other(
    world: Any, manager: Any
) -> None:
    info = manager.add()
    socket = await world.joined({"types": ["Nothing"]})
    manager.may_read.clear()
    first = socket.emit("Subscribe", {"ids": [str(info.id)]})
    second = socket.emit("Unsubscribe")
    await world.settled()
    assert socket.from_app.empty()
    manager.may_read.set()
    assert len((await socket.ack(first))["tasks"]) == 1
    assert await socket.ack(second) == {"ok": True}


async def test_stopping_disconnects_clients_and_leaves_no_asyncio_task_behind(
    make_world: Any, manager: Any, clock: Any
) -> None:
    before = asyncio.all_tasks()
    world = await make_world()
    manager.add()
    sockets = [await world.joined() for _ in range(5)]
    await world.hub.stop()
    for socket in sockets:
        await socket.closed()
    assert asyncio.all_tasks() == before
    assert not manager.task_updated.has_subscribers


async def test_start_and_stop_are_harmless_in_any_order(world: Any, manager: Any) -> None:
    hub = world.hub
    await hub.stop()
    await hub.stop()
    assert not await world.raw().open()
    hub.start()
    hub.start()
    await world.joined()
    await hub.stop()
    hub.start()
    socket = await world.joined()
    manager.publish(manager.add())
    assert (await socket.update())["type"] == "Copy"


async def test_the_newest_state_reaches_a_client_that_follows_thousands_of_updates(
    world: Any, manager: Any, clock: Any
) -> None:
    """A long connection: everything a client is told in sum is what the tasks really are."""
    socket = await world.joined()
    tasks = [manager.add() for _ in range(10)]
    seen: dict[str, Any] = {}
    for step in range(1, 301):
        for task in tasks:
            manager.publish(task, progress=step / 3)
        clock.advance(0.05)
        if step == 150:
            finished = manager.finish(tasks[0])
            tasks = tasks[1:]
        await world.settled()
    clock.advance(1)
    last = manager.publish(manager.add(type="Last"))
    for update in await socket.updates_until(last):
        assert update["revision"] > seen.get(update["id"], {"revision": 0})["revision"]
        seen[update["id"]] = update
    assert seen[str(finished.id)]["status"] == "Completed"
    assert {seen[str(task.id)]["progress"] for task in tasks} == {100.0}


async def test_the_application_works_outermost_and_starts_what_it_needs(
    make_world: Any, manager: Any
) -> None:
    world = await make_world()
    await world.stop()
    app = world.app
    async with app.router.lifespan_context(app):
        world.host = app
        socket = world.raw(path="/socket.io/")
        assert await socket.open()
        assert (await socket.join()).startswith("40")
        await socket.close()
    assert manager.started is False


async def test_wire_data_is_plain_json(world: Any, manager: Any) -> None:
    socket = await world.joined()
    manager.publish(manager.add(payload={"copiedBytes": 42, "path": "ü"}))
    assert (await socket.update())["payload"] == {"copiedBytes": 42, "path": "ü"}
