"""Traces of tasks, collected by OpenTelemetry's own SDK."""

from typing import Any

import pytest
from dependency_injector import providers
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bgtasks import BackgroundTaskStatus, Retry
from bgtasks.contrib.opentelemetry import OpenTelemetryHook
from tests.hosts.scripted import Context, Work, clock_of, container_for, run_to_end, running


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider


def traced(container: Any, provider: TracerProvider) -> Any:
    hook = providers.Singleton(OpenTelemetryHook, tracer_provider=providers.Object(provider))
    container.hooks.override(providers.List(hook))
    return container


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


async def test_a_request_two_attempts_and_what_the_worker_does_are_traced(
    spans: InMemorySpanExporter, provider: TracerProvider
) -> None:
    tracer = provider.get_tracer("application")
    tries = 0

    async def work(context: Context) -> None:
        nonlocal tries
        tries += 1
        with tracer.start_as_current_span("query"):
            if tries == 1:
                raise ConnectionError("line dropped")

    container = traced(container_for(work, retry=Retry(max_attempts=2, backoff=60)), provider)
    async with running(container) as manager:
        with tracer.start_as_current_span("POST /exports"):
            task_id = await manager.run_task(Work())
        while not (info := await manager.try_get_task(task_id)) or not info.status.is_final:
            clock_of(container).advance(60)
        assert info.status is BackgroundTaskStatus.COMPLETED

    (request,) = named(spans, "POST /exports")
    first, second = named(spans, "Work")
    assert first.parent is not None
    assert (first.parent.span_id, first.context.trace_id) == (
        request.context.span_id,
        request.context.trace_id,
    )
    assert first.status.status_code is trace.StatusCode.ERROR
    assert [event.name for event in first.events] == ["exception"]
    assert second.parent is None
    assert second.context.trace_id != request.context.trace_id
    assert [link.context.span_id for link in second.links] == [request.context.span_id]
    assert second.status.status_code is trace.StatusCode.UNSET
    assert second.attributes is not None
    assert second.attributes["bgtasks.task.attempt"] == 2
    assert second.attributes["bgtasks.task.id"] == str(task_id)
    queries = named(spans, "query")
    assert [span.parent and span.parent.span_id for span in queries] == [
        first.context.span_id,
        second.context.span_id,
    ]


async def test_a_sync_worker_continues_the_trace(
    spans: InMemorySpanExporter, provider: TracerProvider
) -> None:
    def work(context: Context) -> None:
        provider.get_tracer("application").start_span("inside").end()

    async with running(traced(container_for(work), provider)) as manager:
        await run_to_end(manager, Work())
    (attempt,), (inside,) = named(spans, "Work"), named(spans, "inside")
    assert inside.parent is not None
    assert inside.parent.span_id == attempt.context.span_id


async def test_a_task_of_no_trace_begins_one(
    spans: InMemorySpanExporter, provider: TracerProvider
) -> None:
    async def work(context: Context) -> None:
        pass

    async with running(traced(container_for(work), provider)) as manager:
        await run_to_end(manager, Work())
    (attempt,) = named(spans, "Work")
    assert attempt.parent is None
    assert attempt.links == ()
