"""The composition root: what a host application puts into its own container."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Unpack, get_type_hints

from dependency_injector import containers, providers

from bgtasks.backends.base import Backend
from bgtasks.blocking import BlockingTaskManager
from bgtasks.clock import Clock, SystemClock, Timing
from bgtasks.core.checks import unknown_options
from bgtasks.core.codec import TaskCodec
from bgtasks.core.schedules.definition import Schedule, ScheduleOptions, Schedules
from bgtasks.core.schedules.specs import Spec
from bgtasks.errors import RegistrationError, SettingsError
from bgtasks.execution.host_resources import HostResources
from bgtasks.execution.lifetimes import refuse_longer_lives
from bgtasks.lazy_names import lazy_callable
from bgtasks.manager import BackgroundTaskManager
from bgtasks.models import BackgroundTaskBase
from bgtasks.registration import Registration, TaskOptions
from bgtasks.registry import Registry
from bgtasks.settings import Settings
from bgtasks.web.policy import BackgroundTaskPolicy

# The web side is imported when it is made: a worker process has none.
if TYPE_CHECKING:
    from bgtasks.web.app import BackgroundTasksApp, create_app
    from bgtasks.web.hub import Hub
    from bgtasks.web.lifespan import Lifespan
else:
    create_app = lazy_callable("bgtasks.web.app", "create_app")
    Hub = lazy_callable("bgtasks.web.hub", "Hub")
    Lifespan = lazy_callable("bgtasks.web.lifespan", "Lifespan")

__all__ = ["BackgroundTasksContainer", "background_task", "schedule"]


def background_task(
    task_type: type[BackgroundTaskBase],
    worker_provider: providers.Provider[Any],
    **options: Unpack[TaskOptions[providers.Provider[Any]]],
) -> providers.Factory[Registration]:
    """Register a task type with the provider that builds its worker, anew for each attempt.

    ``options`` are those of :class:`~bgtasks.Registration`; each may itself be a provider. Goes
    into ``tasks=providers.List(...)`` of :class:`~bgtasks.BackgroundTasksContainer`. Raises
    RegistrationError.
    """
    if not isinstance(worker_provider, providers.Provider):
        raise RegistrationError(
            f"background_task({getattr(task_type, '__name__', task_type)}, {worker_provider!r}): "
            "expected a provider, such as providers.Factory(MyWorker, session)"
        )
    if unknown := unknown_options(options, TaskOptions.__optional_keys__):
        raise RegistrationError(
            f"background_task({getattr(task_type, '__name__', task_type)}, ...): {unknown}"
        )
    return providers.Factory(
        _register, providers.Object(task_type), worker_provider.provider, **options
    )


def schedule(
    name: str | providers.Provider[Any],
    spec: Spec | providers.Provider[Any],
    task_provider: providers.Provider[Any],
    **options: Unpack[ScheduleOptions[providers.Provider[Any]]],
) -> providers.Factory[Schedule]:
    """Have a task submitted at each tick: ``task_provider`` makes it, anew each time.

    ``name`` is at most 100 letters, digits, ``-``, ``_``, ``.`` and ``:``; ``spec`` is a
    :class:`~bgtasks.Cron` or an :class:`~bgtasks.Every`. Each option may itself be a provider:

    - ``overlap``: what happens at a tick while a task of the schedule has not ended: ``"skip"``
      submits none, ``"wait"`` lets at most one wait behind it, ``"allow"`` submits another one.
    - ``catch_up``: where ticks were missed because no process was there, only the last one is made
      up for, and only if it is not older than this (a duration, by default one day); ``None``: it
      is not.
    - ``owner`` and ``priority``: those of the tasks.
    - ``paused``: whether a schedule that is new begins paused.

    Goes into ``schedules=providers.List(...)`` of :class:`~bgtasks.BackgroundTasksContainer`. What
    cannot be registered is refused when the manager is made: RegistrationError, SettingsError.
    """
    if not isinstance(task_provider, providers.Provider):
        raise RegistrationError(
            f"schedule({name!r}, ..., {task_provider!r}): expected a provider of a task, such as "
            "providers.Factory(MyTask)"
        )
    if unknown := unknown_options(options, ScheduleOptions.__optional_keys__):
        raise RegistrationError(f"schedule({name!r}, ...): {unknown}")
    return providers.Factory(_schedule, task_provider.provider, name=name, spec=spec, **options)


def _schedule(task_provider: providers.Provider[Any], **options: Any) -> Schedule:
    return Schedule(
        task_type=_made_type(task_provider, options["name"]), make=task_provider, **options
    )


def _made_type(task_provider: Any, name: object) -> type[BackgroundTaskBase]:
    """The type of the tasks that a provider makes: known before it has made one."""
    makes = getattr(task_provider, "provides", None)
    if not isinstance(makes, type) and callable(makes):
        with suppress(Exception):  # of whatever kind of callable it is
            makes = get_type_hints(makes).get("return")
    if not (isinstance(makes, type) and issubclass(makes, BackgroundTaskBase)):
        raise RegistrationError(
            f"schedule({name!r}, ...): it is not known which task the provider makes; expected "
            "providers.Factory(MyTask, ...), or a provider of a function with '-> MyTask'"
        )
    return makes


def _make_schedules(schedules: list[Schedule], registry: Registry) -> Schedules:
    return Schedules(schedules, registry.name_of)


def _register(
    task_type: type[BackgroundTaskBase], worker_provider: providers.Provider[Any], **options: Any
) -> Registration:
    refuse_longer_lives(getattr(task_type, "__name__", repr(task_type)), worker_provider)
    made = getattr(worker_provider, "provides", None)
    return Registration(
        task_type=task_type,
        worker_provider=worker_provider,
        worker_type=made if isinstance(made, type) else None,
        **options,
    )


def _make_registry(registrations: list[Registration], codec: TaskCodec) -> Registry:
    registry = Registry(registrations)
    for registration in registry:
        codec.check_type(registration.task_type)
        if registration.payload_type is not None:
            codec.check_type(registration.payload_type)
        if registration.result_type is not None:
            codec.check_type(registration.result_type)
    return registry


def _make_backend(settings: Settings, registry: Registry, clock: Clock) -> Backend:
    if "://" in settings.database:
        return _make_postgres_backend(settings, registry, clock)
    from bgtasks.backends.embedded.backend import EmbeddedBackend

    return EmbeddedBackend(
        settings.database,
        registry,
        clock,
        max_concurrency=settings.max_concurrency,
        types=settings.types,
        outside_transactions=settings.tasks_outside_transactions,
    )


def _make_postgres_backend(settings: Settings, registry: Registry, clock: Clock) -> Backend:
    try:
        # Here, not above: the package works without the extra that this needs.
        from bgtasks.backends.postgres.backend import PostgresBackend
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"setting 'database' is a postgresql:// URL, but {error.name} is not installed; "
            "run: pip install 'bgtasks-di[postgres]'"
        ) from error
    return PostgresBackend(
        settings.database,
        registry,
        clock,
        max_concurrency=settings.max_concurrency,
        types=settings.types,
        heartbeat_timeout=settings.heartbeat_timeout,
        connections=settings.database_connections,
    )


class BackgroundTasksContainer(containers.DeclarativeContainer):
    """Everything that runs background tasks, for ``providers.Container(...)`` in a host.

    Give it ``config`` (a ``providers.Configuration`` or a part of one, see
    :class:`~bgtasks.Settings`), ``tasks`` (a ``providers.List`` of ``background_task(...)``) and,
    if there are any, ``schedules`` (one of ``schedule(...)``). ``hooks`` (a ``providers.List`` of
    :class:`~bgtasks.hooks.BackgroundTaskHook`) are called around attempts. Take from it
    ``manager()``, ``asgi_app()`` to mount, ``lifespan()`` to start and stop it, and
    ``blocking_manager()`` for sync code. ``policy`` is there to be overridden.
    """

    config: providers.Configuration = providers.Configuration()
    tasks: providers.Provider[Any] = providers.Dependency(default=providers.List())
    schedules: providers.Provider[Any] = providers.Dependency(default=providers.List())

    hooks: providers.Provider[Any] = providers.Dependency(default=providers.List())

    policy: providers.Provider[Any] = providers.Singleton(BackgroundTaskPolicy)
    clock: providers.Provider[Any] = providers.Singleton(SystemClock)
    timing: providers.Provider[Any] = providers.Singleton(Timing)

    settings: providers.Singleton[Settings] = providers.Singleton(Settings.from_config, config)
    codec: providers.Singleton[TaskCodec] = providers.Singleton(TaskCodec)
    registry: providers.Singleton[Registry] = providers.Singleton(_make_registry, tasks, codec)
    known_schedules: providers.Singleton[Schedules] = providers.Singleton(
        _make_schedules, schedules, registry
    )
    backend: providers.Factory[Backend] = providers.Factory(
        _make_backend, settings, registry, clock
    )

    manager: providers.Singleton[BackgroundTaskManager] = providers.Singleton(
        BackgroundTaskManager,
        registry,
        settings,
        codec,
        clock,
        timing,
        backend.provider,
        hooks.provider,
        known_schedules,
    )
    blocking_manager: providers.Singleton[BlockingTaskManager] = providers.Singleton(
        BlockingTaskManager, manager
    )
    hub: "providers.Singleton[Hub]" = providers.Singleton(
        Hub, manager=manager, policy=policy, settings=settings, codec=codec, clock=clock
    )
    resources: providers.Singleton[HostResources] = providers.Singleton(
        HostResources, tasks.provider, timing
    )
    lifespan: "providers.Singleton[Lifespan]" = providers.Singleton(
        Lifespan, manager=manager, resources=resources.provided.closed_at_end
    )
    asgi_app: "providers.Singleton[BackgroundTasksApp]" = providers.Singleton(
        create_app,
        manager=manager,
        hub=hub,
        policy=policy,
        settings=settings,
        codec=codec,
        lifespan=lifespan,
        registry=registry,
    )
