"""Metrics for Prometheus; needs the extra ``bgtasks-di[prometheus]``.

Names and units follow Prometheus' own advice (https://prometheus.io/docs/practices/naming/).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bgtasks.core.task_types import TypeInfo
from bgtasks.errors import BackgroundTasksError
from bgtasks.hooks import BackgroundTaskHook, HookedAttempt
from bgtasks.manager import BackgroundTaskManager
from bgtasks.models import BackgroundTaskBase

__all__ = ["BackgroundTasksCollector", "PrometheusHook"]

logger: logging.Logger = logging.getLogger(__name__)

SECONDS = (0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200)
"""The upper bounds of the buckets."""

PATIENCE = 2.0
"""Seconds that a scrape waits for the store."""


class PrometheusHook(BackgroundTaskHook):
    """Counts what this process does: ``hooks=providers.List(providers.Singleton(PrometheusHook))``.

    - ``bgtasks_submitted_total{type}``: tasks given to the manager, whether they were accepted or
      met one that holds their key.
    - ``bgtasks_attempts_total{type, outcome}``: attempts that ended; the outcomes are those of
      :data:`~bgtasks.hooks.AttemptOutcome`.
    - ``bgtasks_attempts_running{type}``.
    - ``bgtasks_wait_seconds{type}``: from the submission of a task to its first attempt, with a
      delay that was asked for.
    - ``bgtasks_run_seconds{type}``: how long attempts took.

    ``registry`` is by default Prometheus' own; a registry takes one hook.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._submitted = Counter(
            "bgtasks_submitted", "Tasks submitted by this process.", ["type"], registry=registry
        )
        self._ended = Counter(
            "bgtasks_attempts",
            "Attempts that ended in this process.",
            ["type", "outcome"],
            registry=registry,
        )
        self._running = Gauge(
            "bgtasks_attempts_running",
            "Attempts that run in this process.",
            ["type"],
            registry=registry,
        )
        self._wait = Histogram(
            "bgtasks_wait_seconds",
            "From the submission of a task to its first attempt.",
            ["type"],
            registry=registry,
            buckets=SECONDS,
        )
        self._run = Histogram(
            "bgtasks_run_seconds",
            "How long attempts took.",
            ["type"],
            registry=registry,
            buckets=SECONDS,
        )

    def submitted(self, task: BackgroundTaskBase, headers: MutableMapping[str, str]) -> None:  # noqa: ARG002
        self._submitted.labels(task.type).inc()

    @asynccontextmanager
    async def around(self, attempt: HookedAttempt) -> AsyncIterator[None]:
        info = attempt.info
        if info.attempt == 1 and info.started_at is not None:
            waited = (info.started_at - info.created_at) / timedelta(seconds=1)
            self._wait.labels(info.type).observe(max(0.0, waited))
        running = self._running.labels(info.type)
        running.inc()
        try:
            with self._run.labels(info.type).time():
                yield
        finally:
            running.dec()
            self._ended.labels(info.type, attempt.outcome or "interrupted").inc()


class CountsClients(Protocol):
    """What is asked of the hub."""

    @property
    def number_of_clients(self) -> int:
        """How many clients follow tasks now."""


class BackgroundTasksCollector(Collector):
    """Tells a scrape what the store and this process know. Register it once in each process:
    ``REGISTRY.register(BackgroundTasksCollector(container.background_tasks().manager()))``.

    Of all processes together: ``bgtasks_tasks_waiting{type}``, ``bgtasks_tasks_running{type}``,
    ``bgtasks_type_paused{type}``. Of this process: ``bgtasks_slots``, ``bgtasks_slots_taken``,
    ``bgtasks_loop_blocked_seconds`` (0: the event loop is not blocked), ``bgtasks_up`` (0:
    something keeps the manager from working) and, with ``hub``, ``bgtasks_clients``.

    Asked from another thread than the manager's event loop (as ``prometheus_client`` does in
    ``start_http_server``), it waits up to 2 seconds for the store. Asked on that event loop, it may
    not wait: it tells what it found out last, and asks the store anew for the next scrape. What is
    unknown is left out.
    """

    def __init__(self, manager: BackgroundTaskManager, hub: CountsClients | None = None) -> None:
        self._manager = manager
        self._hub = hub
        self._types: Sequence[TypeInfo] = ()
        self._reading: asyncio.Task[None] | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """What there is now, one metric after the other."""
        health = self._manager.health()
        yield _gauge(
            "up", "Whether nothing keeps the manager from working.", health.trouble is None
        )
        yield _gauge("slots", "How many attempts may run in this process.", health.max_concurrency)
        yield _gauge("slots_taken", "How many attempts run in this process.", health.running)
        blocked = health.blocked_for
        yield _gauge("loop_blocked_seconds", "How long the event loop has been blocked.", blocked)
        if self._hub is not None:
            clients = self._hub.number_of_clients
            yield _gauge("clients", "Clients that follow tasks.", clients)
        self._refresh()
        yield from _of_types(self._types)

    def _refresh(self) -> None:
        """Read the store, or have it read for the next scrape."""
        loop = self._manager.event_loop
        if loop is None or not loop.is_running():
            self._types = ()
        elif loop is _running_loop():
            if self._reading is None or self._reading.done():
                self._reading = loop.create_task(self._read())
        else:
            reading = asyncio.run_coroutine_threadsafe(self._read(), loop)
            try:
                reading.result(PATIENCE)
            except TimeoutError:
                reading.cancel()
                self._types = ()

    async def _read(self) -> None:
        try:
            self._types = await self._manager.get_types()
        except BackgroundTasksError as error:
            logger.warning("metrics: the store does not answer: %s", error)
            self._types = ()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"bgtasks_{name}", text, value=float(value))


def _of_types(types: Sequence[TypeInfo]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("bgtasks_tasks_waiting", "Tasks that wait.", labels=["type"])
    running = GaugeMetricFamily("bgtasks_tasks_running", "Tasks that run.", labels=["type"])
    paused = GaugeMetricFamily("bgtasks_type_paused", "Whether a type is paused.", labels=["type"])
    for info in types:
        waiting.add_metric([info.name], info.waiting)
        running.add_metric([info.name], info.running)
        paused.add_metric([info.name], float(info.paused_at is not None))
    yield from (waiting, running, paused)
