"""Texts and payloads at the bounds of what PostgreSQL and its notifications take."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BackgroundTaskStatus,
    BackgroundWorker,
    BackgroundWorkerContext,
    PayloadTooLargeError,
    SettingsError,
    background_task,
)
from bgtasks.core.codec import MAX_JSON, TaskCodec
from bgtasks.testing.conformance import until

NUL = "a\0b"
REPLACED = "a\N{REPLACEMENT CHARACTER}b"
PATIENCE = 20


@frozen(kw_only=True)
class TextTask(BackgroundTaskBase):
    """Says something; what becomes of it depends on what."""

    text: str = ""
    fails: bool = False
    declares: bool = False

    @property
    def display_name(self) -> str:
        return self.text[:20]

    @property
    def initial_status_message(self) -> str:
        return self.text[:20]


@frozen
class Text:
    """A payload."""

    text: str


class TextWorker(BackgroundWorker[TextTask, Text]):
    """Gives back what it was given."""

    async def execute(self, context: BackgroundWorkerContext[TextTask, Text]) -> None:
        context.report_progress(50, context.task.text[:20], payload=Text(context.task.text))
        if context.task.declares:
            context.set_status(BackgroundTaskStatus.FAILED, error_message=context.task.text)
        if context.task.fails:
            raise ValueError(context.task.text)


@pytest.fixture
async def managers(task_database: str) -> AsyncIterator[Callable[..., Any]]:
    """Start managers on the database, each a process of its own."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> BackgroundTaskManager:
            container = BackgroundTasksContainer(
                tasks=providers.List(background_task(TextTask, providers.Factory(TextWorker)))
            )
            container.config.from_dict({"database": task_database, **settings})
            manager: BackgroundTaskManager = container.manager()
            return await stack.enter_async_context(manager)

        yield start


async def test_nul_characters_are_replaced_wherever_they_come_from(
    managers: Callable[..., Any],
) -> None:
    manager = await managers()
    done = await manager.wait_for(await manager.run_task(TextTask(text=NUL), owner=NUL), PATIENCE)
    assert (done.name, done.owner, done.status_message) == (REPLACED, REPLACED, REPLACED)
    assert done.payload == Text(NUL)  # JSON can say it
    (found,) = (await manager.get_tasks(owner=NUL)).items
    assert found == done
    task_id = await manager.run_task(TextTask(text=NUL, fails=True))
    failed = await manager.wait_for(task_id, PATIENCE)
    assert (failed.status, failed.error_message) == ("Failed", REPLACED)
    (failure,) = await manager.get_attempts(task_id)
    assert failure.error.message == REPLACED
    assert "\0" not in (failure.traceback or "")
    assert (await manager.get_tasks(type=NUL)).items == ()


@pytest.mark.parametrize(
    ("text", "stored"),
    [("caf\udce9.txt", "caf?.txt"), (NUL, REPLACED), ("x" * 5000, "x" * 3999 + "…")],
    ids=["surrogate", "NUL", "long"],
)
async def test_a_declared_failure_is_stored_with_its_payload_whatever_its_text(
    managers: Callable[..., Any], text: str, stored: str
) -> None:
    """FAULTS 2: and the stop, at the end, waits for nothing."""
    manager = await managers()
    task_id = await manager.run_task(TextTask(text=text, declares=True))
    failed = await manager.wait_for(task_id, PATIENCE)
    assert (failed.status, failed.error_message, failed.attempt) == ("Failed", stored, 1)
    assert failed.payload == Text(text.replace("\udce9", "?"))


async def test_the_earliest_and_latest_times_to_run_at_come_back_as_they_are(
    managers: Callable[..., Any],
) -> None:
    """FAULTS 19: PostgreSQL has infinities, which the first and the last time would become."""
    manager = await managers()
    latest = datetime.now(UTC) + timedelta(days=3659)
    for run_at in (datetime(1970, 1, 1, tzinfo=UTC), latest):
        info = await manager.try_get_task(await manager.run_task(TextTask(), run_at=run_at))
        assert info.scheduled_at in (run_at, None)
    for beyond in (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
        with pytest.raises(SettingsError, match="run_at is"):
            await manager.run_task(TextTask(), run_at=beyond)


async def test_a_task_at_the_bound_is_run_and_one_beyond_is_refused(
    managers: Callable[..., Any],
) -> None:
    web = await managers(run_tasks=False)
    seen: list[BackgroundTaskInfo[Any]] = []
    web.task_updated.subscribe(seen.append)
    await managers()
    around = len(TaskCodec().encode_task(TextTask()))
    text = "x" * (MAX_JSON - around)
    with pytest.raises(PayloadTooLargeError):
        await web.run_task(TextTask(text=text + "x"))
    task_id = await web.run_task(TextTask(text=text))
    done = await web.wait_for(task_id, PATIENCE)
    assert (done.status, done.payload) == ("Completed", Text(text))
    # It came to the other process through the feed, too.
    await until(lambda: any(item.status.is_final for item in seen), "announced")
    assert seen[-1] == done
    assert len((await web.get_tasks()).items) == 1
