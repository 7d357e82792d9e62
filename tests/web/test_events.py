"""``GET api/tasks/events``: the same updates for those who have no Socket.IO."""

import asyncio
import json
import signal
from datetime import timedelta
from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy
from bgtasks.errors import BackendError
from bgtasks.web.hub.sse.event_stream import CLOSE_TIMEOUT, SEND_TIMEOUT
from bgtasks.web.hub.sse.streams import LOOK_EVERY

PATIENCE = 2.0


class Stream:
    """One request over ASGI, whose response is read bit by bit."""

    def __init__(self, world: Any, query: Any = "", headers: Any = ()) -> None:
        self.task: Any = None
        self.reads = asyncio.Event()
        self.reads.set()
        self.started: Any = None
        self.scope = world.raw(
            query=query, headers=headers, path="/background-tasks/api/tasks/events"
        ).scope | {"type": "http", "method": "GET", "scheme": "http"}
        self._world = world
        self._gone = asyncio.Event()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        self.chunks = 0
        self._requested = False

    async def open(self) -> Any:
        self.task = asyncio.create_task(self._world.host(self.scope, self.receive, self._send))
        async with asyncio.timeout(PATIENCE):
            self.started = await self._messages.get()
        return self.started["status"]

    async def receive(self) -> Any:
        if not self._requested:
            self._requested = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reads.wait()
        self.chunks += 1
        self._messages.put_nowait(message)

    async def chunk(self) -> Any:
        """The next part of the body; ``None`` at its end."""
        async with asyncio.timeout(PATIENCE):
            message = await self._messages.get()
        if not message.get("more_body") and not message["body"]:
            return None
        return message["body"].decode()

    async def event(self) -> Any:
        """The next event that is no comment, as its fields."""
        while (chunk := await self.chunk()) is not None:
            lines = chunk.removesuffix("\n\n").split("\n")
            fields = dict(line.split(": ", 1) for line in lines)
            if "event" in fields:
                return fields
        return None

    async def update(self) -> Any:
        fields = await self.event()
        assert fields["event"] == "TaskUpdated"
        data = json.loads(fields["data"])
        assert fields["id"] == f"{data['id']}:{data['revision']}"
        return data

    async def updates_until(self, info: Any) -> Any:
        found = [await self.update()]
        while found[-1]["id"] != str(info.id):
            found.append(await self.update())
        return found

    @property
    def silent(self) -> Any:
        return self._messages.empty()

    async def problem(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            body = json.loads((await self._messages.get())["body"])
        assert body["status"] == self.started["status"]
        return body["detail"]

    async def ended(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            await self.task

    async def leave(self) -> None:
        self._gone.set()
        self.reads.set()
        await self.ended()


class Server:
    """What there is to see of a uvicorn that has been asked to stop, or not."""

    should_exit = False

    def handle_exit(self, number: int, frame: object) -> None:
        raise AssertionError("no signal is sent here")


@pytest.fixture
async def open_stream(world: Any) -> Any:
    async def open_(query: Any = "", **options: Any) -> Any:
        stream = Stream(options.pop("world", world), query, **options)
        assert await stream.open() == 200
        await world.settled()
        return stream

    return open_


async def test_it_is_an_event_stream_that_nobody_keeps_or_buffers(open_stream: Any) -> None:
    stream = await open_stream()
    headers = dict(stream.started["headers"])
    assert headers == {
        b"content-type": b"text/event-stream; charset=utf-8",
        b"cache-control": b"no-store",
        b"x-accel-buffering": b"no",
        b"x-content-type-options": b"nosniff",
        b"cross-origin-resource-policy": b"same-origin",
    }
    assert await stream.chunk() == "retry: 2000\n\n"


async def test_first_comes_the_replay_and_then_what_happens(
    open_stream: Any, world: Any, manager: Any
) -> None:
    manager.add(status="Completed", completed_at=world.clock.now() - timedelta(hours=1))
    known = [manager.add(status=s) for s in ("Failed", "Running", "Pending")]
    stream = await open_stream()
    assert [await stream.update() for _ in known] == [world.codec.wire(i) for i in known]
    newer = manager.publish(known[1], progress=5.0, status_message="ü\nand so on")
    assert await stream.update() == world.codec.wire(newer)
    done = manager.finish(known[1])
    assert (await stream.update())["revision"] == done.revision


async def test_an_update_while_the_replay_is_read_is_not_missed_and_not_overtaken(
    open_stream: Any, world: Any, manager: Any
) -> None:
    info = manager.add(progress=1.0)
    manager.may_read.clear()
    stream = await open_stream()
    newer = manager.publish(info, progress=2.0)
    await world.settled()
    manager.tasks[info.id] = info  # the read sees the older state
    manager.may_read.set()
    assert (await stream.update())["revision"] == newer.revision
    await world.settled()
    assert stream.silent


@pytest.mark.parametrize("query", ["type=Scan&type=Move", "ids={a},{b}", "ids={a}&ids={b}"])
async def test_types_and_ids_narrow_what_is_followed(
    open_stream: Any, manager: Any, query: Any
) -> None:
    copy, scan, move = (manager.add(type=name) for name in ("Copy", "Scan", "Move"))
    stream = await open_stream(query.format(a=scan.id, b=move.id))
    for _ in (scan, move):
        await stream.update()
    for info in (copy, scan, move):
        manager.publish(info, progress=1.0)
    assert [u["type"] for u in await stream.updates_until(move)] == ["Scan", "Move"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("ids=nope", "nope"),
        ("ids=", "accepted: a UUID"),
        ("type=", "accepted: texts of 1 to 200"),
        ("types=Copy", "accepted: type, ids"),
        ("type=" + "x" * 201, "200"),
    ],
)
async def test_what_cannot_be_followed_is_a_problem_that_names_it(
    world: Any, query: Any, named: Any
) -> None:
    stream = Stream(world, query)
    assert await stream.open() == 400
    assert named in await stream.problem()


async def test_head_is_answered_without_a_stream(world: Any) -> None:
    async with world.http() as http:
        answer = await http.head("/api/tasks/events")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert len(world.audience) == 0


async def test_a_client_that_does_not_read_gets_the_newest_of_each_task_and_bounded_memory(
    open_stream: Any, world: Any, manager: Any, clock: Any
) -> None:
    tasks = [manager.add() for _ in range(50)]
    slow = await open_stream()
    for _ in tasks:
        await slow.update()
    slow.reads.clear()
    for progress in range(1, 201):
        for task in tasks:
            manager.publish(task, progress=float(progress))
        await world.settled()
        clock.advance(0.05)
    (client,) = world.audience
    assert len(client.backlog) <= 50
    clock.advance(0.2)
    before = slow.chunks
    slow.reads.set()
    newest: dict[str, Any] = {}
    while sum(newest.values()) < 200.0 * len(tasks):
        update = await slow.update()
        newest[update["id"]] = update["progress"]
    assert slow.chunks - before <= 1 + 2 * 50


async def test_a_quiet_stream_shows_every_15_seconds_that_it_is_alive(
    open_stream: Any, world: Any, clock: Any
) -> None:
    stream = await open_stream()
    assert await stream.chunk() == "retry: 2000\n\n"
    for _ in range(3):
        clock.advance(14.9)
        await world.settled()
        assert stream.silent
        clock.advance(0.2)
        assert (await stream.chunk()).startswith(":")
        await world.settled()


async def test_streams_and_sockets_see_the_same(
    open_stream: Any, world: Any, manager: Any, clock: Any
) -> None:
    info = manager.add()
    stream, socket = await open_stream(), await world.joined()
    for progress in range(1, 31):
        manager.publish(info, progress=float(progress))
        await world.settled()
        clock.advance(0.05)
    clock.advance(0.2)
    last = manager.publish(manager.add(type="Last"))
    await world.settled()
    assert await stream.updates_until(last) == await socket.updates_until(last)


async def test_each_user_sees_their_own_tasks(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    world = await make_world(wrap=user_header)
    manager.add("Old", owner="ann")
    manager.add("Old", owner="bob")
    streams = {name: Stream(world, headers=[("x-user", name)]) for name in ("ann", "bob")}
    for stream in streams.values():
        assert await stream.open() == 200
    await world.settled()
    for name in streams:
        manager.publish(manager.add("New", owner=name))
    last = manager.publish(manager.add("Last"))
    for name, stream in streams.items():
        assert [u["owner"] for u in await stream.updates_until(last)] == [name, name, None]
    nobody = Stream(world)
    assert await nobody.open() == 403
    foreign = Stream(world, f"ids={next(iter(manager.tasks))}", headers=[("x-user", "bob")])
    assert await foreign.open() == 200
    await world.settled()
    assert await foreign.chunk() == "retry: 2000\n\n"
    assert foreign.silent


async def test_foreign_pages_are_refused(world: Any) -> None:
    stream = Stream(world, headers=[("origin", "https://evil.example")])
    assert await stream.open() == 403
    assert "allowed_origins" in await stream.problem()
    own = Stream(world, headers=[("origin", "http://localhost")])
    assert await own.open() == 200


async def test_who_lost_the_right_is_told_and_gets_no_more(
    make_world: Any, manager: Any, clock: Any
) -> None:
    class Session(BackgroundTaskPolicy):
        valid = True

        async def can_connect(self, requester: Any) -> bool:
            return self.valid

    policy = Session()
    world = await make_world(policy=policy)
    stream = Stream(world)
    await stream.open()
    await world.settled()
    policy.valid = False
    clock.advance(70)
    await world.settled()
    manager.publish(manager.add())
    refused = await stream.event()
    assert refused["event"] == "Refused"
    assert json.loads(refused["data"])["error"].startswith("you may not")
    await stream.ended()
    assert len(world.audience) == 0


async def test_streams_count_as_clients(make_world: Any) -> None:
    world = await make_world(max_clients=2)
    await world.joined()
    first = Stream(world)
    assert await first.open() == 200
    third = Stream(world)
    assert await third.open() == 503
    assert dict(third.started["headers"])[b"retry-after"] == b"5"
    assert "too many" in await third.problem()
    socket = await world.socket()
    assert "too many" in await socket.join()
    await first.leave()
    assert await Stream(world).open() == 200


async def test_a_client_that_leaves_is_forgotten_at_once(
    open_stream: Any, world: Any, manager: Any
) -> None:
    before = asyncio.all_tasks()
    stream = await open_stream()
    assert len(world.audience) == 1
    await stream.leave()
    assert len(world.audience) == 0
    await asyncio.sleep(0.25)  # the look whether the server stops
    await world.settled()
    assert asyncio.all_tasks() == before


async def test_a_connection_that_breaks_while_it_is_written_ends_the_stream(
    open_stream: Any, world: Any, manager: Any, caplog: Any
) -> None:
    await open_stream()

    async def broken(message: Any) -> None:
        raise OSError("gone")

    stream = Stream(world)
    stream.task = asyncio.create_task(world.host(stream.scope, stream.receive, broken))
    await stream.ended()
    assert len(world.audience) == 1
    assert caplog.text == ""


async def test_a_client_that_does_not_read_for_long_is_let_go(
    open_stream: Any, world: Any, manager: Any, clock: Any
) -> None:
    stream = await open_stream()
    stream.reads.clear()
    manager.publish(manager.add())
    await world.settled()
    clock.advance(SEND_TIMEOUT)
    await stream.ended()
    assert len(world.audience) == 0


async def test_a_task_whose_payload_cannot_be_encoded_is_shown_without_it(
    open_stream: Any, manager: Any, caplog: Any
) -> None:
    bad = manager.add(payload=object())
    good = manager.add()
    stream = await open_stream()
    updates = await stream.updates_until(good)
    assert [(u["id"], u["payload"]) for u in updates] == [(str(i.id), None) for i in (bad, good)]
    assert "cannot be sent" in caplog.text


async def test_when_the_replay_cannot_be_read_the_stream_ends_to_be_opened_again(
    world: Any, manager: Any, caplog: Any
) -> None:
    stream = Stream(world)
    manager.fail = BackendError("disk full")
    assert await stream.open() == 200
    await stream.ended()
    assert "disk full" in caplog.text


async def test_a_stop_ends_all_streams_also_of_those_who_do_not_read(
    open_stream: Any, world: Any, manager: Any, clock: Any
) -> None:
    before = asyncio.all_tasks()
    reading, stuck = await open_stream(), await open_stream()
    stuck.reads.clear()
    manager.publish(manager.add())
    await world.settled()
    stopping = asyncio.create_task(world.hub.stop())
    await reading.update()
    assert await reading.chunk() is None
    await reading.ended()
    await world.settled()
    clock.advance(CLOSE_TIMEOUT)
    await stuck.ended()
    await stopping
    assert asyncio.all_tasks() <= before
    assert await Stream(world).open() == 503


async def test_a_server_that_wants_to_stop_is_noticed(
    open_stream: Any, world: Any, clock: Any
) -> None:
    stream = await open_stream()
    server = Server()
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        clock.advance(LOOK_EVERY)
        await world.settled()
        assert not stream.task.done()
        server.should_exit = True
        clock.advance(LOOK_EVERY)
        await stream.ended()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(world.audience) == 0
