"""What Prometheus is told, as the text that it scrapes."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from dependency_injector import providers
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bgtasks import BackgroundTaskManager, Retry
from bgtasks.contrib.prometheus import BackgroundTasksCollector, PrometheusHook
from tests.hosts.scripted import Context, Gate, Work, clock_of, container_for, running, until


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def counted(container: Any, registry: CollectorRegistry) -> Any:
    hook = providers.Singleton(PrometheusHook, registry=providers.Object(registry))
    container.hooks.override(providers.List(hook))
    return container


def scraped(registry: CollectorRegistry) -> Callable[..., float | None]:
    """The values of one scrape, by name and labels."""
    values = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }
    return lambda name, **labels: values.get((f"bgtasks_{name}", frozenset(labels.items())))


async def until_final(manager: BackgroundTaskManager, container: Any, task: Work) -> None:
    task_id = await manager.run_task(task)
    while not (info := await manager.try_get_task(task_id)) or not info.status.is_final:
        clock_of(container).advance(60)


async def test_two_attempts_with_a_retry_are_counted_and_measured(
    registry: CollectorRegistry,
) -> None:
    tries = 0

    async def work(context: Context) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError("line dropped")

    container = counted(container_for(work, retry=Retry(max_attempts=2, backoff=60)), registry)
    async with running(container) as manager:
        await until_final(manager, container, Work())
        value = scraped(registry)
    assert value("submitted_total", type="Work") == 1
    assert value("attempts_total", type="Work", outcome="retried") == 1
    assert value("attempts_total", type="Work", outcome="completed") == 1
    assert value("wait_seconds_count", type="Work") == 1
    assert value("run_seconds_count", type="Work") == 2
    assert value("attempts_running", type="Work") == 0


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
async def test_how_an_attempt_ended_is_a_label(registry: CollectorRegistry, outcome: str) -> None:
    gate = Gate()

    async def work(context: Context) -> None:
        if outcome == "failed":
            raise ValueError("no such row")
        await gate(context)

    container = counted(container_for(work), registry)
    async with running(container) as manager:
        task_id = await manager.run_task(Work())
        if outcome == "cancelled":
            await gate.begun.wait()
            await manager.cancel_task(task_id)
        await manager.wait_for(task_id, 10)
        value = scraped(registry)
    assert value("attempts_total", type="Work", outcome=outcome) == 1


async def test_a_scrape_from_another_thread_waits_for_the_store(
    registry: CollectorRegistry,
) -> None:
    gate = Gate()
    container = container_for(gate, max_concurrency=1)
    async with running(container) as manager:
        registry.register(BackgroundTasksCollector(manager))
        await manager.run_tasks([Work(), Work(), Work()])
        await manager.pause("Work")
        await gate.begun.wait()
        value = await asyncio.to_thread(scraped, registry)
        assert value("up") == 1
        assert value("tasks_waiting", type="Work") == 2
        assert value("tasks_running", type="Work") == 1
        assert value("type_paused", type="Work") == 1
        assert value("slots_taken") == 1
        assert value("loop_blocked_seconds") == 0
        gate.open.set()


async def test_a_scrape_on_the_event_loop_reads_for_the_next_one(
    registry: CollectorRegistry,
) -> None:
    container = container_for(lambda context: None)
    async with running(container) as manager:
        registry.register(BackgroundTasksCollector(manager))
        assert scraped(registry)("tasks_waiting", type="Work") is None
        await until(lambda: scraped(registry)("tasks_waiting", type="Work") == 0)
    assert scraped(registry)("up") == 0
    assert scraped(registry)("tasks_waiting", type="Work") is None
