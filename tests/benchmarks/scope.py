"""Opening and closing the scope of an attempt, beside the same provider calls by hand.

The worker is built on an async resource, as on a database session. Both sides run in a task with
an empty context of its own, which is what makes context-local providers local; timed is what
happens inside.
"""

import asyncio
import contextvars
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from dependency_injector import providers
from measuring import answer, percentile, scaled

from bgtasks.clock import SystemClock, Timing
from bgtasks.execution.scope import Scope, ScopePlan


class Session:
    """Stands for what has to be closed."""


async def open_session() -> AsyncIterator[Session]:
    yield Session()


class Worker:
    """Stands for what needs it."""

    def __init__(self, session: Session) -> None:
        self.session = session


session: Any = providers.ContextLocalResource(open_session)
worker: Any = providers.Factory(Worker, session)
plan, clock = ScopePlan(worker), SystemClock()


async def by_hand() -> float:
    started = time.perf_counter()
    await worker()
    await session.shutdown()
    return time.perf_counter() - started


async def with_scope() -> float:
    started = time.perf_counter()
    scope = Scope(plan, clock, Timing())
    begun = scope.begin()
    if scope.takes_time:
        await scope.finish(begun)
    await scope.close(scope.opened())
    return time.perf_counter() - started


async def run(body: Callable[[], Coroutine[Any, Any, float]]) -> float:
    return await asyncio.create_task(body(), context=contextvars.Context())


async def main() -> None:
    taken: dict[str, list[float]] = {"by_hand": [], "with_scope": []}
    for _ in range(scaled(5_000)):
        taken["by_hand"].append(await run(by_hand))
        taken["with_scope"].append(await run(with_scope))
    answer(
        by_hand_us=percentile(taken["by_hand"], 50) * 1e6,
        with_scope_us=percentile(taken["with_scope"], 50) * 1e6,
    )


asyncio.run(main())
