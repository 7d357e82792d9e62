"""The container a host puts into its own: at any depth, more than once, overridden at any time."""

from typing import Any

import pytest
from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTaskManager,
    BackgroundTasksContainer,
    BlockingTaskManager,
    RegistrationError,
    SettingsError,
    background_task,
)
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.testing import FakeClock, run_worker
from tests.hosts.scripted import (
    AsyncWorker,
    Context,
    OtherWork,
    Work,
    container_for,
    done,
    run_to_end,
    running,
    worker_of,
)


async def other_script(_context: Context) -> None:
    raise ValueError("the other script")


class Inner(containers.DeclarativeContainer):
    config = providers.Configuration()
    script = providers.Object(done)
    worker = providers.Factory(AsyncWorker, script)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(background_task(Work, worker, max_concurrency=2)),
    )


class Middle(containers.DeclarativeContainer):
    config = providers.Configuration()
    inner = providers.Container(Inner, config=config.inner)


class Outer(containers.DeclarativeContainer):
    config = providers.Configuration()
    middle = providers.Container(Middle, config=config.middle)
    more = providers.Container(
        BackgroundTasksContainer,
        config=config.more,
        tasks=providers.List(background_task(OtherWork, worker_of(done))),
    )


@pytest.fixture
def outer() -> Any:
    memory = {"database": ":memory:"}
    config = {"middle": {"inner": {"background_tasks": memory}}, "more": memory}
    container = Outer()
    container.config.from_dict(config)
    return container


async def test_it_works_deep_in_other_containers_and_twice_in_one_process(outer: Any) -> None:
    deep = outer.middle.inner.background_tasks
    async with deep.manager() as first, outer.more.manager() as second:
        assert first is not second
        assert (await run_to_end(first, Work())).status is Status.COMPLETED
        assert (await run_to_end(second, OtherWork())).status is Status.COMPLETED


async def test_an_override_deep_in_the_host_reaches_a_manager_that_runs(outer: Any) -> None:
    deep = outer.middle.inner.background_tasks
    async with deep.manager() as manager:
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED
        with outer.middle.inner.script.override(providers.Object(other_script)):
            assert (await run_to_end(manager, Work())).error_message == "the other script"
        assert (await run_to_end(manager, Work())).status is Status.COMPLETED


async def test_a_subclass_of_the_host_may_replace_what_a_worker_needs() -> None:
    class Special(Inner):
        pass

    container = Special(config={"background_tasks": {"database": ":memory:"}})
    container.script.override(providers.Object(other_script))
    run = await run_worker(container.background_tasks, Work())
    assert run.info.error_message == "the other script"


def test_two_hosts_of_one_class_share_nothing() -> None:
    first, second = Inner(), Inner()
    assert first.background_tasks.manager() is not second.background_tasks.manager()
    assert first.background_tasks.manager() is first.background_tasks.manager()


def test_what_a_host_takes_from_it() -> None:
    tasks: Any = Inner().background_tasks
    assert isinstance(tasks.manager(), BackgroundTaskManager)
    assert isinstance(tasks.blocking_manager(), BlockingTaskManager)
    assert callable(tasks.asgi_app())
    assert callable(tasks.lifespan())


async def test_the_lifespan_starts_and_stops_the_manager() -> None:
    container = container_for(done)
    container.clock.reset_override()
    async with container.lifespan()(None):
        assert (await run_to_end(container.manager(), Work())).status is Status.COMPLETED
    assert container.manager().event_loop is None


def test_without_a_config_every_setting_has_its_default() -> None:
    container = BackgroundTasksContainer(
        tasks=providers.List(background_task(Work, worker_of(done)))
    )
    assert container.settings().database == "bgtasks.db"


def test_without_tasks_it_is_refused_when_the_manager_is_built() -> None:
    with pytest.raises(RegistrationError, match="no background tasks"):
        BackgroundTasksContainer().manager()


def test_a_bad_setting_is_refused_when_the_manager_is_built() -> None:
    container = Inner(config={"background_tasks": {"max_concurrency": 0}})
    with pytest.raises(SettingsError, match="max_concurrency"):
        container.background_tasks.manager()


def test_settings_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKS_STOP_GRACE", "90s")
    container = Inner()
    container.config.background_tasks.stop_grace.from_env("TASKS_STOP_GRACE")
    assert container.background_tasks.settings().stop_grace == 90.0


async def test_the_clock_may_be_overridden() -> None:
    container = container_for(done)
    clock = FakeClock()
    container.clock.override(providers.Object(clock))
    clock.advance(3600)
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
    assert info.created_at.hour == 1
