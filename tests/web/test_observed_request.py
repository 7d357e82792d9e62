"""A request that submits, an attempt that fails, its retry, and one more by hand: as collectors of
OpenTelemetry and Prometheus see them, over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from attrs import frozen
from dependency_injector import providers
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    Retry,
    background_task,
)
from bgtasks.contrib.opentelemetry import OpenTelemetryHook
from bgtasks.contrib.prometheus import PrometheusHook
from tests.web.test_end_to_end import PATIENCE, serving


@frozen(kw_only=True)
class Export(BackgroundTaskBase):
    pass


class Exporter(BackgroundWorker[Export, None]):
    """Succeeds at the third attempt."""

    async def execute(self, context: Any) -> None:
        if context.info.attempt < 3:
            raise ConnectionError("line dropped")


def traced(handler: Callable[[Request], Awaitable[Response]], tracers: TracerProvider) -> Any:
    """As an instrumentation of the web framework does it."""

    async def within_a_span(request: Request) -> Response:
        name = f"{request.method} {request.url.path}"
        with tracers.get_tracer("web").start_as_current_span(name):
            return await handler(request)

    return within_a_span


def application(tracers: TracerProvider, registry: CollectorRegistry) -> Starlette:
    retry = Retry(max_attempts=2, backoff=0.01, jitter=0)
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Export, providers.Factory(Exporter), retry=retry)),
        hooks=providers.List(
            providers.Singleton(OpenTelemetryHook, tracer_provider=providers.Object(tracers)),
            providers.Singleton(PrometheusHook, registry=providers.Object(registry)),
        ),
    )
    container.config.from_dict({"database": ":memory:"})

    async def export(_: Request) -> Response:
        return JSONResponse({"id": str(await container.manager().run_task(Export()))}, 202)

    async def until_final(request: Request) -> Response:
        info = await container.manager().wait_for(request.path_params["id"], PATIENCE)
        return JSONResponse({"status": info.status, "attempt": info.attempt})

    async def metrics(_: Request) -> Response:
        return PlainTextResponse(generate_latest(registry))

    return Starlette(
        routes=[
            Route("/exports", traced(export, tracers), methods=["POST"]),
            Route("/exports/{id:uuid}", until_final),
            Route("/metrics", metrics),
            Mount("/background-tasks", app=container.asgi_app()),
        ],
        lifespan=container.lifespan(),
    )


async def test_a_request_its_attempts_and_a_retry_are_traced_and_counted() -> None:
    tracers, spans, registry = TracerProvider(), InMemorySpanExporter(), CollectorRegistry()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    async with (
        serving(application(tracers, registry)) as address,
        httpx.AsyncClient(base_url=f"http://{address}", timeout=PATIENCE) as http,
    ):
        task_id = (await http.post("/exports")).json()["id"]
        ended = (await http.get(f"/exports/{task_id}")).json()
        assert ended == {"status": "Failed", "attempt": 2}
        assert (await http.post(f"/background-tasks/api/tasks/{task_id}/retry")).status_code == 202
        ended = (await http.get(f"/exports/{task_id}")).json()
        assert ended == {"status": "Completed", "attempt": 3}
        text = (await http.get("/metrics")).text

    found = spans.get_finished_spans()
    (request,) = [span for span in found if span.name == "POST /exports"]
    attempts = [span for span in found if span.name == "Export"]
    first, *later = attempts
    assert [span.attributes and span.attributes["bgtasks.task.attempt"] for span in attempts] == [
        *(1, 2, 3)
    ]
    assert first.parent is not None
    assert first.parent.span_id == request.context.span_id
    for span in later:
        assert span.parent is None
        assert [link.context.span_id for link in span.links] == [request.context.span_id]
    assert [span.status.is_ok or span.status.is_unset for span in attempts] == [False, False, True]

    samples = {
        (sample.name, sample.labels.get("outcome")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("type") == "Export"
    }
    outcomes = {key: samples[("bgtasks_attempts_total", key)] for key in ("retried", "completed")}
    assert outcomes == {"retried": 1, "completed": 1}
    assert samples[("bgtasks_attempts_total", "failed")] == 1
    assert samples[("bgtasks_submitted_total", None)] == 1
    assert samples[("bgtasks_run_seconds_count", None)] == 3
    assert samples[("bgtasks_attempts_running", None)] == 0
