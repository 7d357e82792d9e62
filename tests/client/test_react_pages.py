"""What a page of React shows over lost connections, sleep and logins: ``onEnd`` comes once, and
never before the end."""

import signal
from typing import Any

import pytest

pytestmark = pytest.mark.node


async def shows_its_end_once(server: Any, page: Any, task_id: str) -> None:
    """The task runs, seen by the page; it ends, and the page is told so once."""
    assert page.count("end") == 0
    await server.open(task_id)
    assert (await page.until("end"))["status"] == "Completed"
    # Another round trip, after which a second end would have come.
    await page.do("reconnect")
    await page.connection("connected")
    assert page.count("end") == 0


async def test_an_end_is_told_once(server: Any, react_page: Any) -> None:
    task_id = await server.gate()
    await react_page.do("show", url=server.url, id=task_id)
    await react_page.status("Running")
    await shows_its_end_once(server, react_page, task_id)


async def test_a_laptop_that_slept_through_the_end_shows_it(
    server: Any, proxy: Any, react_page: Any
) -> None:
    task_id = await server.gate()
    await react_page.do("show", url=proxy.url, id=task_id)
    await react_page.status("Running")
    react_page.signal(signal.SIGSTOP)
    await proxy.cut()
    await server.open(task_id)
    await proxy.mend()
    assert react_page.count("end") == 0
    react_page.signal(signal.SIGCONT)
    assert (await react_page.until("end"))["status"] == "Completed"
    await react_page.do("reconnect")
    await react_page.connection("connected")
    assert react_page.count("end") == 0


async def test_a_laptop_that_slept_while_the_task_runs_waits_for_its_end(
    server: Any, proxy: Any, react_page: Any
) -> None:
    task_id = await server.gate()
    await react_page.do("show", url=proxy.url, id=task_id)
    await react_page.status("Running")
    react_page.signal(signal.SIGSTOP)
    await proxy.cut()
    await proxy.mend()
    react_page.signal(signal.SIGCONT)
    await react_page.connection("disconnected")
    await react_page.connection("connected")
    await shows_its_end_once(server, react_page, task_id)


async def test_a_server_that_was_killed_is_no_end(server: Any, react_page: Any) -> None:
    task_id = await server.gate()
    await react_page.do("show", url=server.url, id=task_id)
    await react_page.status("Running")
    await server.kill()
    await react_page.connection("disconnected")
    await server.start()
    await react_page.connection("connected")
    await shows_its_end_once(server, react_page, task_id)


async def test_a_token_that_is_renewed_keeps_the_page_live(
    server: Any, proxy: Any, react_page: Any
) -> None:
    await server.post("/tokens", tokens=["first"])
    task_id = await server.gate()
    await react_page.do("show", url=proxy.url, id=task_id, token="first")
    await react_page.status("Running")
    await server.post("/tokens", tokens=["second"])
    await proxy.cut()
    await react_page.connection("disconnected")
    await proxy.mend()
    await react_page.connection("refused")  # the page still has the first one
    await react_page.do("token", token="second")
    await react_page.connection("connected")
    await shows_its_end_once(server, react_page, task_id)


async def test_whoever_was_refused_and_logs_in_sees_the_task(server: Any, react_page: Any) -> None:
    await server.post("/tokens", tokens=["nobody has it"])
    task_id = await server.gate()
    await react_page.do("show", url=server.url, id=task_id)
    await react_page.connection("refused")
    await server.post("/tokens", tokens=[])  # from now on the page is let in
    await react_page.do("reconnect")
    await react_page.connection("connected")
    await react_page.status("Running")
    await shows_its_end_once(server, react_page, task_id)
