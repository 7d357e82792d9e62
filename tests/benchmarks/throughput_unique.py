"""run→Completed with and without ``unique=``: the same task and the same file, by turns."""

import asyncio
from itertools import count
from typing import Any

from attrs import frozen
from dependency_injector import containers, providers
from measuring import answer, new_database, rate_of, scaled

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Unique,
    background_task,
)

TURNS = 3


@frozen(kw_only=True)
class NumberedTask(BackgroundTaskBase):
    """Nothing is to be done, about a number."""

    number: int


@frozen(kw_only=True)
class UniqueTask(BackgroundTaskBase):
    """The same, once at a time for each number."""

    number: int


class Worker(BackgroundWorker[Any, Any]):
    """Does it."""

    async def execute(self, context: BackgroundWorkerContext[Any, Any]) -> None:
        pass


class Application(containers.DeclarativeContainer):
    """A host with both types."""

    config = providers.Configuration()
    worker = providers.Factory(Worker)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            background_task(NumberedTask, worker),
            background_task(UniqueTask, worker, unique=Unique()),
        ),
    )


async def main() -> None:
    container, numbers = Application(), count()
    container.config.from_dict({"background_tasks": {"database": str(new_database())}})
    async with container.background_tasks.manager() as manager:

        async def rate(task_type: Any, tasks: int) -> float:
            async def run_one() -> None:
                await manager.wait_for(await manager.run_task(task_type(number=next(numbers))))

            return await rate_of(run_one, scaled(tasks))

        await rate(NumberedTask, 1_000)
        await rate(UniqueTask, 1_000)
        turns = [
            (await rate(NumberedTask, 7_000), await rate(UniqueTask, 7_000)) for _ in range(TURNS)
        ]
        without, unique = map(max, zip(*turns, strict=True))
        answer(without=without, unique=unique)


asyncio.run(main())
