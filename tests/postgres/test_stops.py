"""Stops while the server is away, or answers nothing: each within its bound."""

import asyncio
from typing import Any

import pytest

from bgtasks import BackgroundTaskStatus
from bgtasks.core.events import Interrupted
from bgtasks.testing.conformance import BackendBench, until

from .proxy import Proxy
from .test_lost_answers import claims_of

BOUND = 25
"""Seconds within which serving and the backend stop, beside what running workers take: see
docs/how-to/deploy.md."""


def go_away(proxy: Proxy, how: str) -> None:
    """The server refuses every connection, or takes all that is sent and answers nothing."""
    if how == "refuses":
        proxy.cut()
    else:
        proxy.freeze(for_all=True)


@pytest.mark.parametrize("how", ["refuses", "answers nothing"])
@pytest.mark.parametrize("ended", ["before the stop", "during the stop"])
async def test_a_stop_returns_within_its_bound_though_the_server_is_away(
    far: BackendBench, web: BackendBench, proxy: Proxy, warned: Any, how: str, ended: str
) -> None:
    """FAULTS 47."""
    await far.open()
    record = await far.run()
    go_away(proxy, how)
    if ended == "before the stop":
        far.runner.end(record)
    await until(lambda: far.backend.trouble(), "the loss was noticed")
    async with asyncio.timeout(BOUND):
        stopping = asyncio.create_task(far.backend.stop_serving())
        if ended == "during the stop":
            far.runner.end(record, Interrupted("the application stopped", counted=False))
        await stopping
        await far.close()
    assert "waiting up to 5 s for" in warned.text
    assert f"how task {record.id} ended is lost, it will run again" in warned.text
    await web.reaches(record.id, lambda item: item.interruptions == 1)  # it is taken for dead


@pytest.mark.parametrize("how", ["refuses", "answers nothing"])
async def test_an_idle_process_stops_within_its_bound_though_the_server_is_away(
    far: BackendBench, proxy: Proxy, how: str
) -> None:
    """FAULTS 47."""
    await far.open()
    go_away(proxy, how)
    async with asyncio.timeout(BOUND):
        await far.close()


async def test_a_stop_returns_within_its_bound_though_a_claim_is_not_answered(
    far: BackendBench, web: BackendBench, proxy: Proxy
) -> None:
    """FAULTS 45, 47."""
    await far.open()
    held = proxy.lose(await claims_of(far), holds=True)
    task_id = await web.submit("Once")
    await held.happened.wait()
    async with asyncio.timeout(BOUND):
        await far.close()
    held.release.set()
    waiting = await web.reaches(task_id, BackgroundTaskStatus.PENDING)
    assert (waiting.interruptions, waiting.failures) == (0, 0)
    assert far.runner.started == []


async def test_outcomes_are_written_when_the_server_is_back_before_the_bound(
    far: BackendBench, web: BackendBench, proxy: Proxy
) -> None:
    await far.open()
    record = await far.run()
    proxy.cut()
    far.runner.end(record)
    await until(lambda: far.backend.trouble(), "the loss was noticed")
    stopping = asyncio.create_task(far.close())
    proxy.heal()
    await web.reaches(record.id, BackgroundTaskStatus.COMPLETED)
    await stopping
