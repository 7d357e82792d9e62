"""A stop is bounded, whatever the server does, and whatever was going on when it began."""

import asyncio
from collections.abc import Callable

import pytest

from tests.acceptance.chaos.application import GateTask, QuickTask
from tests.acceptance.chaos.faults import Cut, Fault, Refuse, Side, Stall
from tests.acceptance.chaos.proxy import FaultyProxy
from tests.acceptance.chaos.statements import ANY, CLAIM, CONNECT, SETTLE, Kind
from tests.acceptance.chaos.ward import Ward

BOUND = 0.5 + 5 + 5 + 20
"""Seconds: ``stop_grace``, and what the deployment page says beside it."""


def refuse_all(proxy: FaultyProxy) -> None:
    proxy.set(Fault(CONNECT, Refuse("57P03"), times=10_000))
    proxy.cut()


def error_for_all(proxy: FaultyProxy) -> None:
    proxy.set(Fault(ANY, Refuse("58030"), times=10_000))


AWAY: dict[str, Callable[[FaultyProxy], None]] = {
    "cut": lambda proxy: proxy.cut(3600),
    "frozen": lambda proxy: proxy.freeze(),
    "refusing logins": refuse_all,
    "failing every statement": error_for_all,
}


@pytest.mark.parametrize("ended", ["before the stop", "by the stop", "none"])
async def test_a_stop_is_bounded_in_whatever_way_the_server_is_away(
    ward: Ward, ended: str
) -> None:  # FAULTS 47
    nodes = {away: await ward.add(away, max_concurrency=3, heartbeat_timeout=5) for away in AWAY}
    if ended != "none":
        tasks = [GateTask(gate=str(ward.gate())) for _ in range(3 * len(nodes))]
        await ward.begun(await ward.hand_in(nodes["cut"], *tasks))
    for away, node in nodes.items():
        AWAY[away](node.proxy)
    if ended == "before the stop":
        ward.gate().touch()
        await ward.have_ended(3 * len(nodes))
    took = await asyncio.gather(*(node.stop() for node in nodes.values()))
    assert max(took) < BOUND, dict(zip(nodes, took, strict=True))
    ward.heal()
    ward.gate().touch()
    await asyncio.gather(*(node.start() for node in nodes.values()))
    stored = await ward.check(60)
    assert {task["status"] for task in stored.values()} <= {"Completed"}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("kind", [CLAIM, SETTLE], ids=str)
async def test_a_stop_in_the_middle_of_a_write_that_hangs_is_bounded(
    ward: Ward, kind: Kind, side: Side
) -> None:  # FAULTS 47
    node = await ward.add(heartbeat_timeout=1)
    trap = node.proxy.set(Fault(kind, Stall(3600), side))
    await ward.hand_in(node, *[QuickTask() for _ in range(5)])
    await trap.has_struck()
    assert await node.stop() < BOUND
    node.proxy.heal()
    await node.start()
    await ward.check()


async def test_what_a_stop_hands_back_runs_elsewhere_and_is_not_counted(ward: Ward) -> None:
    node = await ward.add()
    gate = str(ward.gate())
    await ward.begun(await ward.hand_in(node, *[GateTask(gate=gate) for _ in range(3)]))
    await ward.add()
    node.proxy.set(Fault(ANY, Cut(everywhere=True), Side.AFTER, skip=3, times=3))
    await node.stop()
    ward.gate().touch()
    await node.start()
    stored = await ward.check()
    assert {task["status"] for task in stored.values()} == {"Completed"}
    assert {task["interruptions"] for task in stored.values()} == {0}
