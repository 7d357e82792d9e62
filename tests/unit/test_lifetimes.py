"""What belongs to one attempt is not kept by what lives longer. FAULTS 13."""

from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers

from bgtasks import BackgroundTasksContainer, BackgroundWorker, RegistrationError, background_task
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.testing import run_worker
from tests.hosts.scripted import Context, Work, container_of


class Worker(BackgroundWorker[Work, None]):
    """Takes whatever it is given."""

    def __init__(self, *_dependencies: object) -> None: ...

    async def execute(self, context: Context) -> None: ...


class Keeper:
    """Keeps whatever it is given."""

    def __init__(self, *kept: object) -> None:
        self.kept = kept


def open_session() -> Iterator[str]:
    yield "session"


session: Any = providers.ContextLocalResource(open_session)

SHARED_WORKERS: dict[str, providers.Provider[Any]] = {
    "a singleton": providers.Singleton(Worker),
    "a singleton with a session": providers.Singleton(Worker, session),
    "a thread-safe singleton": providers.ThreadSafeSingleton(Worker, session),
    "a thread-local singleton": providers.ThreadLocalSingleton(Worker, session),
    "a resource": providers.Resource(Worker),
    "a call of a singleton": providers.Callable(providers.Singleton(Worker)),
    "a factory that calls a singleton": providers.Factory(providers.Singleton(Worker)),
    "a choice of singletons": providers.Selector(
        providers.Object("one"), one=providers.Singleton(Worker)
    ),
    "a default": providers.Dependency(default=providers.Singleton(Worker)),
}


@pytest.mark.parametrize("provider", SHARED_WORKERS.values(), ids=list(SHARED_WORKERS))
def test_one_worker_for_all_attempts_is_refused(provider: Any) -> None:
    container = container_of(background_task(Work, provider))
    with pytest.raises(RegistrationError, match=r"background_task\(Work.*use providers\.Factory"):
        container.manager()


def test_an_overridden_worker_is_refused_where_the_override_is_shared() -> None:
    class Host(containers.DeclarativeContainer):
        worker = providers.Factory(Worker, session)
        background_tasks = providers.Container(
            BackgroundTasksContainer, tasks=providers.List(background_task(Work, worker))
        )

    container = Host()
    container.worker.override(providers.Singleton(Worker))
    with pytest.raises(RegistrationError, match="Singleton"):
        container.background_tasks.registry()


async def test_a_test_may_override_a_worker_with_an_object() -> None:
    worker = providers.Factory(Worker, session)
    container = container_of(background_task(Work, worker))
    with worker.override(providers.Object(Worker())):
        assert (await run_worker(container, Work())).info.status is Status.COMPLETED
    with worker.override(Worker()):
        assert (await run_worker(container, Work())).info.status is Status.COMPLETED


singleton, factory = providers.Singleton, providers.Factory

CAPTIVES: dict[str, Any] = {
    "a session": singleton(Keeper, session),
    "a session by name": singleton(Keeper, session=session),
    "what has a session": singleton(Keeper, factory(Keeper, session)),
    "a list": singleton(Keeper, providers.List(session)),
    "an attribute": singleton(Keeper, session.provided.connection),
    "a singleton of the context": singleton(Keeper, providers.ContextLocalSingleton(Keeper)),
    "a resource of the application": providers.Resource(Keeper, session),
    "deep below": factory(Keeper, factory(Keeper, singleton(Keeper, session))),
}


@pytest.mark.parametrize("dependency", CAPTIVES.values(), ids=list(CAPTIVES))
def test_a_singleton_that_is_built_on_what_an_attempt_has_of_its_own_is_refused(
    dependency: Any,
) -> None:
    container = container_of(background_task(Work, factory(Worker, dependency)))
    with pytest.raises(RegistrationError, match="which all attempts share") as raised:
        container.registry()
    assert "ContextLocal" in str(raised.value)


ACCEPTED: dict[str, Any] = {
    "a session and a singleton": factory(Worker, session, singleton(Keeper)),
    "a singleton that asks anew": factory(Worker, singleton(Keeper, session.provider)),
    "a singleton that makes anew": factory(
        Worker, singleton(Keeper, providers.DelegatedFactory(Keeper, session))
    ),
    "a session on a singleton": factory(
        Worker, providers.ContextLocalResource(open_session, singleton(Keeper))
    ),
    "a singleton of the context": providers.ContextLocalSingleton(Worker, session),
    "an object": providers.Object(Worker()),
    "a call": providers.Callable(Worker, session),
}


@pytest.mark.parametrize("provider", ACCEPTED.values(), ids=list(ACCEPTED))
def test_what_lives_no_longer_than_its_attempt_is_accepted(provider: Any) -> None:
    container_of(background_task(Work, provider)).registry()


def test_a_captive_that_is_overridden_is_none() -> None:
    captive = singleton(Keeper, session)
    container = container_of(background_task(Work, factory(Worker, captive)))
    with captive.override(providers.Object(Keeper())):
        container.registry()


def test_a_worker_may_need_the_manager_that_runs_it() -> None:
    class Host(containers.DeclarativeContainer):
        background_tasks: Any = providers.Container(
            BackgroundTasksContainer, tasks=providers.List()
        )
        worker = providers.Factory(Worker, background_tasks.manager, session)

    host = Host()
    host.background_tasks.tasks.override(providers.List(background_task(Work, host.worker)))
    host.background_tasks.registry()
