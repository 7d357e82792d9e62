"""Refused and expired tokens: a fresh one is tried, and nobody storms the server."""

from typing import Any

import pytest

pytestmark = pytest.mark.node


async def test_without_a_token_a_refusal_is_final(server: Any, page: Any) -> None:
    await server.post("/tokens", tokens=["good"])
    await page.do("connect", url=server.url)
    assert await page.connection("refused") == "you may not use background tasks here"
    task_id = await server.gate()
    for action in ("cancel", "iterate"):
        await page.do(action, id=task_id)
        error = await page.until("error")
        assert (error["name"], error["action"]) == ("RefusedError", action)
        assert error["ms"] < 1000
    assert (await server.post("/tokens", tokens=[]))["asked"] == 1


async def test_a_fresh_token_is_asked_for_after_a_refusal(server: Any, page: Any) -> None:
    await server.post("/tokens", tokens=["good"])
    task_id = await server.gate()
    await page.do("connect", url=server.url, tokens=["bad", "worse", "good"])
    await page.do("watch", id=task_id)
    await page.connection("refused")
    await page.connection("refused")
    await page.connection("connected")
    await page.status("Running")
    assert (await server.post("/tokens", tokens=["good"]))["asked"] == 3


async def test_a_token_that_expired_meanwhile_is_replaced(
    server: Any, proxy: Any, page: Any
) -> None:
    await server.post("/tokens", tokens=["first"])
    task_id = await server.gate()
    await page.do("connect", url=proxy.url, tokens=["first", "first", "second"])
    await page.do("watch", id=task_id)
    await page.status("Running")
    await server.post("/tokens", tokens=["second"])
    await proxy.cut()
    await page.connection("disconnected")
    await server.open(task_id)
    await proxy.mend()
    await page.connection("refused")
    await page.connection("connected")
    await page.status("Completed")


async def test_a_client_that_is_refused_again_and_again_waits_longer_and_longer(
    server: Any, page: Any
) -> None:
    await server.post("/tokens", tokens=["good"])
    await page.do("connect", url=server.url, tokens=["bad"])
    for _ in range(5):
        await page.connection("refused")
    # 20 ms, doubled each time and at random down to a half: the sixth try is 320 ms later.
    asked = (await server.post("/tokens", tokens=["good"]))["asked"]
    assert asked <= 6
