"""Nobody can say for a time that it lives. Whoever lives is not taken for dead: it gets the whole
time to say so from the moment on that it can."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.acceptance.chaos.application import GateTask
from tests.acceptance.chaos.faults import Fault, Refuse
from tests.acceptance.chaos.node import Node
from tests.acceptance.chaos.server_errors import refusing
from tests.acceptance.chaos.statements import BEAT
from tests.acceptance.chaos.ward import Ward

TIMEOUT = 2.0
"""``heartbeat_timeout`` of all nodes here."""

LONGER_THAN_A_STATEMENT = 11.0
"""Seconds: by then those who waited for a lock have given up."""


@pytest.fixture
async def sql(task_database: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(task_database)
    yield connection
    await connection.close()


async def working(ward: Ward) -> list[Node]:
    """Two nodes with attempts, and one that has nothing to do but look after them."""
    nodes = [await ward.add(max_concurrency=3, heartbeat_timeout=TIMEOUT) for _ in range(2)]
    await ward.begun(
        await ward.hand_in(nodes[0], *[GateTask(gate=str(ward.gate())) for _ in range(6)])
    )
    return [*nodes, await ward.add_web(heartbeat_timeout=TIMEOUT)]


async def nobody_was_taken_for_dead(ward: Ward) -> None:
    """Not for a while after the trouble is over, either."""
    await asyncio.sleep(1.5 * TIMEOUT)
    ward.gate().touch()
    stored = await ward.check()
    ward.check_nothing_was_interrupted(stored)
    assert {task["status"] for task in stored.values()} == {"Completed"}
    assert {task["attempt"] for task in stored.values()} == {1}


@pytest.mark.parametrize(
    ("table", "seconds"),
    [
        ("bgtasks_tasks", 1.5 * TIMEOUT),
        ("bgtasks_pgqueuer", 1.5 * TIMEOUT),
        ("bgtasks_pgqueuer", LONGER_THAN_A_STATEMENT),
        ("bgtasks_processes", 1.5 * TIMEOUT),
        ("bgtasks_processes", LONGER_THAN_A_STATEMENT),
    ],
)
async def test_a_table_that_is_locked_makes_nobody_dead(
    ward: Ward, sql: "asyncpg.Connection[Any]", table: str, seconds: float
) -> None:  # FAULTS 49
    await working(ward)
    async with sql.transaction():
        await sql.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(seconds)
    await nobody_was_taken_for_dead(ward)


@pytest.mark.parametrize(
    ("table", "code"),
    [("bgtasks_pgqueuer", "53100"), ("bgtasks_processes", "53100"), ("bgtasks_processes", "42501")],
)
async def test_a_server_that_takes_no_heartbeat_makes_nobody_dead(
    ward: Ward, sql: "asyncpg.Connection[Any]", table: str, code: str
) -> None:  # FAULTS 49
    await working(ward)
    async with refusing(sql, {"postgres": code}, table):
        await asyncio.sleep(2 * TIMEOUT)
    await nobody_was_taken_for_dead(ward)


async def test_a_network_that_stands_still_for_all_makes_nobody_dead(ward: Ward) -> None:
    # FAULTS 49
    nodes = await working(ward)
    for node in nodes:
        node.proxy.freeze()
    await asyncio.sleep(2 * TIMEOUT)
    for node in nodes:
        node.proxy.thaw()
    await nobody_was_taken_for_dead(ward)


async def test_a_network_that_is_cut_for_all_makes_nobody_dead(ward: Ward) -> None:
    # FAULTS 49
    for node in await working(ward):
        node.proxy.cut(2 * TIMEOUT)
    await asyncio.sleep(2 * TIMEOUT)
    await nobody_was_taken_for_dead(ward)


async def test_who_comes_back_later_than_the_others_is_given_the_time_too(ward: Ward) -> None:
    # FAULTS 49
    early, late, web = await working(ward)
    for node in (early, late, web):
        node.proxy.freeze()
    await asyncio.sleep(2 * TIMEOUT)
    web.proxy.thaw()
    early.proxy.thaw()
    await asyncio.sleep(TIMEOUT / 2)
    late.proxy.thaw()
    await nobody_was_taken_for_dead(ward)


async def test_a_process_whose_own_heartbeats_fail_condemns_nobody(ward: Ward) -> None:
    # FAULTS 49
    for node in await working(ward):
        node.proxy.set(Fault(BEAT, Refuse("53100"), times=6))
    await asyncio.sleep(2.5 * TIMEOUT)
    await nobody_was_taken_for_dead(ward)


async def test_who_is_dead_is_found_after_a_stall_all_the_same(
    ward: Ward, sql: "asyncpg.Connection[Any]"
) -> None:
    dead = await ward.add(max_concurrency=3, heartbeat_timeout=TIMEOUT)
    ids = await ward.hand_in(dead, *[GateTask(gate=str(ward.gate())) for _ in range(3)])
    await ward.begun(ids)
    other = await ward.add(heartbeat_timeout=TIMEOUT)
    async with sql.transaction():
        await sql.execute("LOCK TABLE bgtasks_pgqueuer IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(1.5 * TIMEOUT)
        dead.proxy.freeze()
    ward.gate().touch()
    # Nothing is heard of the frozen process: what it did is done again by the other one.
    await other.sees(ids, ends=1)
    dead.proxy.thaw()
    stored = await ward.check()
    assert {task["attempt"] for task in stored.values()} == {2}
