"""Traces with OpenTelemetry; needs the extra ``bgtasks-di[otel]``."""

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Tracer, TracerProvider

from bgtasks.hooks import BackgroundTaskHook, HookedAttempt
from bgtasks.models import BackgroundTaskBase

__all__ = ["OpenTelemetryHook"]


class OpenTelemetryHook(BackgroundTaskHook):
    """A span for each attempt: ``hooks=providers.List(providers.Singleton(OpenTelemetryHook))``.

    The span of a first attempt is a child of the span in which the task was submitted: a request's,
    for example. A later attempt may come long after that, so it begins a trace of its own, with a
    link to the span. The span is named after the type of the task and is current while the worker
    runs; the worker's exception is recorded in it. ``tracer_provider`` is by default the one
    that the application has set.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        self._tracer: Tracer = trace.get_tracer("bgtasks", tracer_provider=tracer_provider)

    def submitted(self, task: BackgroundTaskBase, headers: MutableMapping[str, str]) -> None:  # noqa: ARG002
        propagate.inject(headers)

    @asynccontextmanager
    async def around(self, attempt: HookedAttempt) -> AsyncIterator[None]:
        submitter = propagate.extract(attempt.headers, context=Context())
        span = trace.get_current_span(submitter).get_span_context()
        is_first = attempt.info.attempt == 1
        info = attempt.info
        with self._tracer.start_as_current_span(
            info.type,
            context=submitter if is_first else Context(),
            kind=SpanKind.CONSUMER,
            links=() if is_first or not span.is_valid else [Link(span)],
            attributes={
                "bgtasks.task.id": str(info.id),
                "bgtasks.task.type": info.type,
                "bgtasks.task.attempt": info.attempt,
            },
        ):
            yield
