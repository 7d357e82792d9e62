"""The built client in Node against a true server: nothing is missed, nothing stays "Running"."""

import signal
from typing import Any
from uuid import uuid4

import pytest

pytestmark = pytest.mark.node


async def test_a_task_is_seen_from_its_start_to_its_end(server: Any, page: Any) -> None:
    await page.do("connect", url=server.url)
    task_id = await server.gate()
    await page.do("iterate", id=task_id)
    running = await page.status("Running", watch="i")
    assert running["type"] == "GateTask"
    await server.open(task_id)
    done = await page.status("Completed", watch="i")
    assert (done["progress"], done["payload"]) == (100.0, {"steps": 2})
    assert (await page.until("ended"))["watch"] == "i"


async def test_a_task_that_ends_while_the_client_is_away(
    server: Any, proxy: Any, page: Any
) -> None:
    task_id = await server.gate()
    await page.do("connect", url=proxy.url)
    await page.do("watchAll")
    await page.do("watch", id=task_id)
    await page.status("Running")
    await proxy.cut()
    await page.connection("disconnected")
    await server.open(task_id)
    await proxy.mend()
    await page.connection("connected")
    assert (await page.status("Completed"))["payload"] == {"steps": 2}


async def test_a_server_that_is_killed_and_starts_again(server: Any, page: Any) -> None:
    task_id = await server.gate()
    await page.do("connect", url=server.url)
    await page.do("watch", id=task_id)
    first = await page.status("Running")
    await server.kill()
    await page.connection("disconnected")
    await server.start()
    await page.connection("connected")
    again = await page.until("task", lambda e: e["task"]["attempt"] == 2)
    assert again["task"]["revision"] > first["revision"]
    await server.open(task_id)
    await page.status("Completed")


async def test_a_server_that_is_stopped_politely_and_starts_again(server: Any, page: Any) -> None:
    task_id = await server.gate()
    await page.do("connect", url=server.url)
    await page.do("watchAll")
    await page.until("list", lambda e: [t["status"] for t in e["tasks"]] == ["Running"])
    server.signal(signal.SIGTERM)
    await page.connection("disconnected")
    await server.kill()
    await server.start()
    await server.open(task_id)
    await page.until("list", lambda e: [t["status"] for t in e["tasks"]] == ["Completed"])


async def test_two_clients_see_what_one_of_them_does(server: Any, page: Any) -> None:
    task_id = await server.gate()
    for client in "ab":
        await page.do("connect", client=client, url=server.url)
        await page.do("watch", client=client, watch=client, id=task_id)
        await page.status("Running", watch=client)
    await page.do("cancel", client="a", id=task_id)
    # Which of the two hears of it first is not said.
    await page.status("Cancelled", watch="b")
    await page.do("retry", client="b", id=task_id)
    await page.status("Running", watch="a")
    await page.do("close", client="a")
    await server.open(task_id)
    await page.status("Completed", watch="b")


async def test_what_is_not_there_is_said_to_be_not_there(server: Any, page: Any) -> None:
    nobody = str(uuid4())
    await page.do("connect", url=server.url)
    await page.do("watch", id=nobody)
    assert (await page.until("task"))["task"] is None
    await page.do("iterate", id=nobody)
    assert (await page.until("error"))["name"] == "TaskNotFoundError"
    await page.do("cancel", id=nobody)
    refused = await page.until("error")
    assert (refused["name"], refused["message"]) == (
        "TaskError",
        f"there is no task with id {nobody}",
    )


async def test_the_server_says_why_it_does_not_cancel(server: Any, page: Any) -> None:
    task_id = await server.gate()
    await server.open(task_id)
    await page.do("connect", url=server.url)
    await page.do("cancel", id=task_id)
    refused = await page.until("error")
    assert refused["name"] == "TaskError"
    assert refused["message"] == f"task {task_id} is Completed and cannot be cancelled"


async def test_nothing_hangs_when_the_server_is_gone(server: Any, page: Any) -> None:
    task_id = await server.gate()
    await page.do("connect", url=server.url, timeout=300)
    await page.connection("connected")
    await server.kill()
    await page.connection("disconnected")
    await page.do("cancel", id=task_id)
    error = await page.until("error")
    assert error["name"] == "TimeoutError"
    assert 250 <= error["ms"] < 5000


async def test_nothing_hangs_when_the_server_does_not_answer(
    server: Any, proxy: Any, page: Any
) -> None:
    task_id = await server.gate()
    await page.do("connect", url=proxy.url, timeout=300)
    await page.do("connect", client="b", url=proxy.url, timeout=60_000)
    await page.connection("connected", client="a")
    await page.do("watchAll", client="b")
    await page.until("list")
    server.signal(signal.SIGSTOP)
    await page.do("cancel", id=task_id)
    assert (await page.until("error"))["name"] == "TimeoutError"
    await page.do("cancel", client="b", id=task_id)
    await proxy.cut()
    assert (await page.until("error"))["name"] == "DisconnectedError"
    server.signal(signal.SIGCONT)


async def test_updates_begin_anew_after_a_lost_connection(
    server: Any, proxy: Any, page: Any
) -> None:
    await page.do("connect", url=proxy.url)
    await page.do("onUpdate")
    await page.until("began")
    task_id = await server.gate()
    await page.until("update", lambda e: e["task"]["status"] == "Running")
    await proxy.cut()
    await page.connection("disconnected")
    await server.open(task_id)
    await proxy.mend()
    await page.until("began")
    await page.until("update", lambda e: e["task"]["status"] == "Completed")


async def test_what_there_is_is_asked_for_over_http(server: Any, page: Any) -> None:
    first, second = await server.gate(), await server.gate()
    await page.do("connect", url=server.url)

    async def ask(method: str, argument: Any) -> Any:
        await page.do("api", method=method, argument=argument)
        return (await page.until("answer"))["of"]

    newest = await ask("list", {"types": ["GateTask"], "limit": 1})
    assert [item["id"] for item in newest["items"]] == [second]
    again = {"types": ["GateTask"], "limit": 1, "cursor": newest["nextCursor"]}
    older = await ask("list", again)
    assert [item["id"] for item in older["items"]] == [first]
    await page.do("watch", id=first)
    await page.until("task", lambda e: e["task"]["payload"] == {"steps": 1})
    assert (await ask("find", first))["payload"] == {"steps": 1}
    assert await ask("find", str(uuid4())) is None
    assert await ask("permissions", first) == {"cancel": True, "retry": True}
    assert (await ask("cancel", first))["cancelRequested"] is True
    (attempt,) = await ask("attempts", second)
    assert (attempt["attempt"], attempt["endedAt"], attempt["outcome"]) == (1, None, None)
    await page.do("api", method="cancel", argument=str(uuid4()))
    assert (await page.until("error"))["name"] == "TaskError"
