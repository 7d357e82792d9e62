"""A real worker process that suffers: ``python -m bgtasks worker``."""

import asyncio
import random
import signal
from pathlib import Path

from tests.acceptance.chaos.proxy import FaultyProxy
from tests.acceptance.distributed.node import Node

__all__ = ["WorkerProcess"]

STOP_BOUND = 0.5 + 5 + 5 + 20
"""Seconds within which a process ends that is told to: its grace, and what the deployment page says
beside it."""


class WorkerProcess(Node):
    """With a way to the server of its own, once that was started."""

    def __init__(
        self, name: str, proxy: FaultyProxy, folder: Path, log: Path, *, heartbeat: float = 10
    ) -> None:
        self.proxy = proxy
        self.has_died = False
        super().__init__(
            name,
            ["bgtasks", "worker", "tests.acceptance.chaos.worker:application"],
            folder=folder,
            ready_when="runs tasks",
            settings={
                "CHAOS_DATABASE": proxy.url,
                "CHAOS_LOG": str(log),
                "CHAOS_NAME": name,
                "CHAOS_HEARTBEAT": str(heartbeat),
            },
        )

    async def die(self, times: int, chance: random.Random) -> None:
        """Be killed, told to stop, or frozen so many times, and started again each time."""
        for _ in range(times):
            await self._lives()
            await asyncio.sleep(chance.random())
            way = chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
            print(f"{self.name}: {way.name}")
            if not self.is_alive:
                continue  # it could not start
            self.has_died = True
            self.send(way)
            if way is signal.SIGSTOP:
                await asyncio.sleep(3 * chance.random())
                self.send(signal.SIGCONT)
            else:
                await self.ended(STOP_BOUND)
        await self._lives()

    async def _lives(self) -> None:
        """Have it do its work: what cannot reach the server at its start is started again."""
        while not (self.is_alive and "runs tasks" in self.said()):
            if not self.is_alive:
                self.start()
            await asyncio.sleep(0.05)
