"""Whatever the server says, work that is done is kept until it can be written, and what waits is
claimed again. Only what is wrong with an outcome itself, data and integrity, is not tried again."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack
from typing import Any, Literal

import asyncpg
import pytest

from bgtasks.errors import BackendError
from tests.acceptance.chaos.application import GateTask, QuickTask
from tests.acceptance.chaos.faults import Cut, Fault, Refuse
from tests.acceptance.chaos.node import Node
from tests.acceptance.chaos.server_errors import (
    CODES,
    OWN_TROUBLES,
    TROUBLES,
    made_roles,
    refusing,
)
from tests.acceptance.chaos.statements import (
    CLAIM,
    CONNECT,
    SETTLE,
)
from tests.acceptance.chaos.ward import Ward

LASTS = 1.5
"""Seconds that a trouble lasts; longer than it takes to try a second time."""

Then = Literal["completes", "fails"]
ENDS: dict[Then, str] = {"completes": "Completed", "fails": "Failed"}


@pytest.fixture
async def sql(task_database: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """An administrator's connection."""
    connection = await asyncpg.connect(task_database)
    yield connection
    await connection.close()


async def suffering(
    ward: Ward, names: Collection[str], users: Collection[str | None]
) -> list[Node]:
    """Nodes, each with a place for one attempt, that nobody takes for dead meanwhile."""
    few: dict[str, Any] = {"max_concurrency": 1, "database_connections": 2}
    return [
        await ward.add(name=name, user=user, heartbeat_timeout=20, **few)
        for name, user in zip(names, users, strict=True)
    ]


async def one_attempt_each(ward: Ward, nodes: Collection[Node], then: Then) -> None:
    """Each node runs a task; they end when the gate is opened."""
    (first, *_) = nodes
    gate = str(ward.gate())
    await ward.begun(await ward.hand_in(first, *[GateTask(gate=gate, then=then) for _ in nodes]))
    assert {attempt.node for attempt in ward.attempts.read()} == {node.name for node in nodes}


async def all_is_written(ward: Ward, then: Then) -> None:
    """As if nothing had been."""
    stored = await ward.check()
    nodes = {attempt.task: attempt.node for attempt in ward.attempts.read()}
    wrong = {
        nodes[task_id]: (task["status"], task["error_message"])
        for task_id, task in stored.items()
        if task["status"] != ENDS[then] or task["error_message"] not in (None, "as it was told")
    }
    assert not wrong, wrong
    ward.check_nothing_was_interrupted(stored)


@pytest.mark.parametrize("then", ENDS)
@pytest.mark.parametrize("at", ["statement", "COMMIT"])
async def test_an_outcome_is_written_after_any_error_of_the_server_has_passed(
    ward: Ward, sql: "asyncpg.Connection[Any]", then: Then, at: str
) -> None:  # FAULTS 46
    async with made_roles(sql, len(CODES)) as roles:
        nodes = await suffering(ward, CODES, roles)
        await one_attempt_each(ward, nodes, then)
        wrong = dict(zip(roles, CODES, strict=True))
        async with refusing(sql, wrong, at_commit=at == "COMMIT"):
            ward.gate().touch()
            await asyncio.sleep(LASTS)
        await all_is_written(ward, then)
        await asyncio.gather(*(node.close() for node in nodes))


@pytest.mark.parametrize("then", ENDS)
async def test_an_outcome_is_written_after_errors_that_end_the_connection(
    ward: Ward, then: Then
) -> None:  # FAULTS 46
    nodes = await suffering(ward, CODES, [None] * len(CODES))
    await one_attempt_each(ward, nodes, then)
    traps = [
        node.proxy.set(Fault(SETTLE, Refuse(node.name, fatal=True), times=2)) for node in nodes
    ]
    ward.gate().touch()
    await asyncio.gather(*(trap.has_struck() for trap in traps))
    await all_is_written(ward, then)


async def test_an_outcome_is_written_once_the_server_lets_the_process_in_again(
    ward: Ward,
) -> None:  # FAULTS 46
    nodes = await suffering(ward, CODES, [None] * len(CODES))
    await one_attempt_each(ward, nodes, "completes")
    for node in nodes:
        node.proxy.set(Fault(CONNECT, Refuse(node.name), times=3))
        node.proxy.cut()
    ward.gate().touch()
    await all_is_written(ward, "completes")


@pytest.mark.parametrize("then", ENDS)
async def test_an_outcome_is_written_after_what_an_administrator_did_to_one_process(
    ward: Ward, sql: "asyncpg.Connection[Any]", then: Then
) -> None:  # FAULTS 46
    async with made_roles(sql, len(OWN_TROUBLES)) as roles:
        nodes = await suffering(ward, OWN_TROUBLES, roles)
        await one_attempt_each(ward, nodes, then)
        async with AsyncExitStack() as stack:
            for trouble, role in zip(OWN_TROUBLES.values(), roles, strict=True):
                await stack.enter_async_context(trouble(sql, role))
            ward.gate().touch()
            await asyncio.sleep(LASTS)
        await all_is_written(ward, then)
        await asyncio.gather(*(node.close() for node in nodes))


@pytest.mark.parametrize("name", TROUBLES)
async def test_an_outcome_is_written_after_what_an_administrator_did_to_the_database(
    ward: Ward, sql: "asyncpg.Connection[Any]", name: str
) -> None:  # FAULTS 46
    async with made_roles(sql, 1) as (role,):
        (node,) = await suffering(ward, ["node"], [role])
        await one_attempt_each(ward, [node], "completes")
        async with TROUBLES[name](sql, role):
            ward.gate().touch()
            await asyncio.sleep(LASTS)
        await all_is_written(ward, "completes")
        await node.close()


@pytest.mark.parametrize("fatal", [False, True], ids=["an error", "the end of the connection"])
async def test_every_process_claims_again_after_any_error_of_the_server(
    ward: Ward, fatal: bool
) -> None:  # FAULTS 45, 46, 50
    nodes = await suffering(ward, CODES, [None] * len(CODES))
    for node in nodes:
        node.proxy.set(Fault(CLAIM, Refuse(node.name, fatal=fatal), times=2))
    await one_attempt_each(ward, nodes, "completes")
    ward.gate().touch()
    await all_is_written(ward, "completes")


@pytest.mark.parametrize("options", [{}, {"key": "only one"}], ids=["a task", "one with a key"])
async def test_a_task_for_which_there_is_no_connection_is_refused_and_not_left_open(
    ward: Ward, options: dict[str, Any]
) -> None:
    web = await ward.add_web()
    trap = web.proxy.set(Fault(CONNECT, Cut(), times=1000))
    web.proxy.cut()
    await trap.has_struck()
    with pytest.raises(BackendError, match="cannot be written") as refusal:
        await web.hand_in(QuickTask(), **options)
    assert "not known" not in str(refusal.value)
    web.proxy.heal()
    assert await web.hand_in(QuickTask(), **options)
