"""Faults at random, one after the other at each node."""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Protocol

import asyncpg

from tests.acceptance.chaos import statements
from tests.acceptance.chaos.faults import Cut, Fault, Harm, Refuse, Side, Stall
from tests.acceptance.chaos.proxy import FaultyProxy
from tests.acceptance.chaos.server_errors import CODES, UNKNOWN_FATE
from tests.acceptance.chaos.ward import Ward

__all__ = ["Storm", "Victim"]

KINDS = [
    statements.ANY,
    statements.ANY,
    statements.CLAIM,
    statements.CLAIM,
    statements.CLAIM,
    statements.COMMIT,
    statements.COMMIT,
    statements.SETTLE,
    statements.SETTLE,
    statements.WRITE,
    statements.WRITE_COMMIT,
    statements.WRITE_COMMIT,
    statements.INSERT,
    statements.HELD,
    statements.BEAT,
    statements.LISTEN,
    statements.CONNECT,
    statements.CANCEL,
]

SOON = 0.5
"""Seconds that a fault may wait for its statement before the next one comes."""

ENDED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What the connection of a fault raises that another fault ends; the third if that is early."""

TERMINATE_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
TABLES = ["bgtasks_tasks", "bgtasks_pgqueuer", "bgtasks_processes"]


class Victim(Protocol):
    """A process with a way to the server of its own."""

    name: str
    proxy: FaultyProxy


class Storm:
    """``longest`` seconds is what one harm may last. ``history`` tells what has happened."""

    def __init__(self, ward: Ward, chance: random.Random, longest: float) -> None:
        self.history: list[str] = []
        self._ward = ward
        self._chance = chance
        self._longest = longest
        self._began = time.monotonic()

    async def rage(self, nodes: Sequence[Victim], faults: int) -> None:
        """So many faults, spread over the nodes, which suffer at the same time."""
        share, rest = divmod(faults, len(nodes))
        await asyncio.gather(
            *(self._strike(node, share + (at < rest)) for at, node in enumerate(nodes))
        )

    async def _strike(self, node: Victim, faults: int) -> None:
        done = 0
        while done < faults:
            done += await (self._at_the_server() if self._chance.random() < 0.1 else self._at(node))

    async def _at(self, node: Victim) -> int:
        """How many faults it was: none if its statement did not come."""
        fault = self._some_fault()
        trap = node.proxy.set(fault)
        if not await trap.strikes_within(SOON):
            node.proxy.remove(trap)
            return 0
        self._note(f"{node.name}: {fault}")
        if isinstance(fault.harm, Stall):
            await asyncio.sleep(fault.harm.seconds)
        await asyncio.sleep(self._chance.random() * 0.3)
        return 1

    async def _at_the_server(self) -> int:
        connection = await asyncpg.connect(self._ward.database)
        try:
            if self._chance.random() < 0.5:
                self._note("the server: ends every connection")
                await connection.execute(TERMINATE_ALL)
                return 1
            table, seconds = self._chance.choice(TABLES), self._some_seconds()
            self._note(f"the server: {table} is locked for {seconds:.2f} s")
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(seconds)
        except ENDED:
            pass  # another one ended it, or it was in the way of a node
        finally:
            connection.terminate()
        return 1

    def _some_fault(self) -> Fault:
        side = self._chance.choice(list(Side))
        kind = self._chance.choice(KINDS)
        skip = self._chance.choice([0, 0, 1, 2, 10]) if kind is statements.ANY else 0
        times = self._chance.choice([1, 1, 1, 2, 3])
        return Fault(kind, self._some_harm(side), side, skip, times)

    def _some_harm(self, side: Side) -> Harm:
        everywhere = self._chance.random() < 0.3
        match self._chance.choice(["cut", "cut", "stall", "refuse"]):
            case "cut":
                return Cut(everywhere, self._some_seconds() if everywhere else 0)
            case "stall":
                return Stall(self._some_seconds(), everywhere)
            case _:
                codes = list(CODES) if side is Side.BEFORE else UNKNOWN_FATE
                return Refuse(self._chance.choice(codes), fatal=self._chance.random() < 0.3)

    def _some_seconds(self) -> float:
        """Mostly few."""
        return round(self._chance.random() ** 2 * self._longest, 2)

    def _note(self, what: str) -> None:
        line = f"{time.monotonic() - self._began:7.2f} s  {what}"
        self.history.append(line)
        print(line)
