"""``watchLogs`` of the built client in Node, against a true server."""

from typing import Any

import pytest

pytestmark = pytest.mark.node

Heard = dict[str, list[tuple[int, str]]]


async def follow(page: Any, url: str, task_id: str, *clients: str) -> None:
    """Each client has the token of its name."""
    for client in clients:
        await page.do("connect", client=client, url=url, tokens=[client])
        await page.do("watchLogs", client=client, id=task_id)


async def heard(page: Any, **last: int) -> Heard:
    """All lines that come until each of these clients has come to that number."""
    found: Heard = {client: [] for client in last}
    while any(not found[name] or found[name][-1][0] < number for name, number in last.items()):
        event = await page.until("lines")
        lines = [(line["number"], line["message"]) for line in event["lines"]]
        found.setdefault(event["watch"], []).extend(lines)
    return found


async def test_an_operator_is_sent_all_lines_and_a_user_those_that_are_said(
    server: Any, page: Any
) -> None:
    await server.post("/tokens", tokens=["operator", "user"])
    task_id = await server.talk()
    await server.say(task_id, "began", logged=["secret 1"])
    await follow(page, server.url, task_id, "operator", "user")
    found = await heard(page, operator=2, user=1)
    assert found == {"operator": [(1, "began"), (2, "secret 1")], "user": [(1, "began")]}
    await server.say(task_id, logged=["secret 2"])
    await server.say(task_id, "done")
    found = await heard(page, operator=4, user=4)
    assert found == {"operator": [(3, "secret 2"), (4, "done")], "user": [(4, "done")]}


async def test_after_a_lost_connection_no_line_is_missing_and_none_comes_twice(
    server: Any, proxy: Any, page: Any
) -> None:
    await server.post("/tokens", tokens=["operator", "user"])
    task_id = await server.talk()
    await follow(page, proxy.url, task_id, "operator", "user")
    await server.say(task_id, "1", logged=["2"])
    await heard(page, operator=2, user=1)
    await proxy.cut()
    for client in ("operator", "user"):
        await page.connection("disconnected", client)
    await server.say(task_id, "3", "4", logged=["5"])
    await proxy.mend()
    found = await heard(page, operator=5, user=4)
    await server.say(task_id, "6")
    for client, lines in (await heard(page, operator=6, user=6)).items():
        found[client] += lines
    said = [(3, "3"), (4, "4"), (6, "6")]
    assert found == {"operator": sorted([*said, (5, "5")]), "user": said}


async def test_the_log_goes_on_where_it_was_after_a_server_was_killed(
    server: Any, page: Any
) -> None:
    task_id = await server.talk()
    await follow(page, server.url, task_id, "a")
    await server.say(task_id, "before", logged=["before, too"])
    await heard(page, a=2)
    await server.kill()
    await page.connection("disconnected")
    await server.start()
    await server.say(task_id, "after")
    event = await page.until("lines")
    assert [line["message"] for line in event["lines"]] == ["after"]
    assert event["all"] == [1, 2, 3]


async def test_who_is_refused_is_sent_no_lines_until_there_is_a_good_token(
    server: Any, page: Any
) -> None:
    await server.post("/tokens", tokens=["user"])
    task_id = await server.talk()
    await server.say(task_id, "began")
    await page.do("connect", client="stranger", url=server.url)
    await page.do("watchLogs", client="stranger", id=task_id)
    await page.connection("refused", "stranger")
    await page.do("connect", client="late", url=server.url, tokens=["bad", "user"])
    await page.do("watchLogs", client="late", id=task_id)
    await page.connection("refused", "late")
    assert await heard(page, late=1) == {"late": [(1, "began")]}
    await server.say(task_id, "done")
    assert await heard(page, late=2) == {"late": [(2, "done")]}


async def test_who_stops_is_sent_nothing_and_who_begins_again_all_that_is_kept(
    server: Any, page: Any
) -> None:
    task_id = await server.talk()
    await follow(page, server.url, task_id, "a", "b")
    await server.say(task_id, "1")
    await heard(page, a=1, b=1)
    await page.do("stop", watch="a")
    # The page has stopped by the time that it gets this answer.
    await page.do("api", client="a", method="logs", argument=task_id)
    await page.until("answer")
    await server.say(task_id, "2")
    assert await heard(page, b=2) == {"b": [(2, "2")]}
    await page.do("watchLogs", client="a", id=task_id)
    assert await heard(page, a=2) == {"a": [(1, "1"), (2, "2")]}
