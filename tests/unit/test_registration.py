"""What can be registered, and how the rest is refused when the container is built."""

from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import attrs
import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundWorker,
    Registration,
    RegistrationError,
    Retry,
    SerializationError,
    SettingsError,
    background_task,
)
from bgtasks.registration import P, TaskOptions, worker_parameters
from tests.hosts.scripted import Context, OtherWork, Progress, Work, container_of, done, worker_of

T = TypeVar("T")
anyone = worker_of(done)


class Plain(BackgroundTaskBase):
    """Not an attrs class of its own."""


class NoTask:
    """No task at all."""


class WorkWorker(BackgroundWorker[Work, Progress]):
    async def execute(self, context: Context) -> None: ...


class Derived(WorkWorker):
    """Says what it works on by what it derives from."""


class GenericWorker(BackgroundWorker[Work, T], Generic[T]):
    async def execute(self, context: Context) -> None: ...


class OfProgress(GenericWorker[Progress]):
    """Says the payload only."""


class Silent(BackgroundWorker):  # type: ignore[type-arg]
    """Says nothing."""

    async def execute(self, context: Context) -> None: ...


class Unfinished(BackgroundWorker[Work, None]):
    """Has no execute()."""


def registered(*registrations: Any) -> Any:
    return container_of(*registrations).registry()


def one(*arguments: Any, **options: Any) -> Registration:
    (registration,) = registered(background_task(*arguments, **options))
    assert isinstance(registration, Registration)
    return registration


def test_a_container_without_tasks_is_refused_with_what_to_write() -> None:
    with pytest.raises(RegistrationError, match=r"tasks=providers\.List\(background_task\("):
        registered()


def test_the_same_class_registered_twice_is_refused() -> None:
    with pytest.raises(RegistrationError, match="Work is registered twice"):
        registered(background_task(Work, anyone), background_task(Work, anyone, type_name="b"))


def test_two_classes_under_one_name_are_refused() -> None:
    with pytest.raises(RegistrationError, match=r"'Work'.*type_name="):
        registered(
            background_task(Work, anyone), background_task(OtherWork, anyone, type_name="Work")
        )


def test_what_is_no_registration_is_refused() -> None:
    with pytest.raises(RegistrationError, match=r"background_task\(\.\.\.\)"):
        registered(providers.Object(Work))


@pytest.mark.parametrize("cls", [NoTask, Work(), "Work", None])
def test_what_is_no_task_class_is_refused(cls: Any) -> None:
    with pytest.raises(RegistrationError, match="subclass of BackgroundTaskBase"):
        one(cls, anyone)


def test_a_task_class_that_is_no_attrs_class_of_its_own_is_refused() -> None:
    with pytest.raises(RegistrationError, match=r"Plain.*@attrs\.frozen"):
        one(Plain, anyone)


def test_a_task_class_that_can_never_be_read_back_is_refused() -> None:
    class Opaque:
        def __init__(self, anything) -> None:  # type: ignore[no-untyped-def]
            pass

    @frozen(kw_only=True)
    class Handles(BackgroundTaskBase):
        handle: Opaque

    with pytest.raises(SerializationError, match=r"Handles"):
        one(Handles, anyone)


@pytest.mark.parametrize("worker", [WorkWorker, WorkWorker(), None, lambda: None])
def test_a_worker_that_is_no_provider_is_refused_at_once(worker: Any) -> None:
    with pytest.raises(RegistrationError, match=r"providers\.Factory\(MyWorker"):
        background_task(Work, worker)


def test_a_provider_of_something_else_is_refused() -> None:
    with pytest.raises(RegistrationError, match="builds NoTask"):
        one(Work, providers.Factory(NoTask))


def test_a_worker_of_another_task_is_refused() -> None:
    with pytest.raises(RegistrationError, match="WorkWorker is a worker for Work"):
        one(OtherWork, providers.Factory(WorkWorker))


def test_a_worker_without_execute_is_refused() -> None:
    with pytest.raises(RegistrationError, match="no execute"):
        one(Work, providers.Factory(Unfinished))


@pytest.mark.parametrize("worker", [Silent, GenericWorker, WorkWorker, Derived, OfProgress])
def test_workers_for_any_task_or_for_this_one_are_accepted(worker: type) -> None:
    assert one(Work, providers.Factory(worker)).worker_type is worker


def test_a_worker_for_a_base_class_of_the_task_is_accepted() -> None:
    @frozen(kw_only=True)
    class Special(Work):
        pass

    assert one(Special, providers.Factory(WorkWorker)).type_name == "Special"


class Returning(BackgroundWorker[Work, Progress, int]):
    async def execute(self, context: Context) -> int:
        return 1


@pytest.mark.parametrize(
    ("worker", "expected"),
    [
        (WorkWorker, (Work, Progress, None)),
        (Derived, (Work, Progress, None)),
        (OfProgress, (Work, Progress, None)),
        (GenericWorker, (Work, Any, None)),
        (Silent, (Any, Any, None)),
        (Returning, (Work, Progress, int)),
    ],
)
def test_the_types_are_read_from_the_worker_class(
    worker: type, expected: tuple[Any, Any, Any]
) -> None:
    assert worker_parameters(worker) == expected


def test_the_payload_type_may_be_given_where_the_worker_does_not_say_it() -> None:
    assert one(Work, providers.Factory(WorkWorker)).payload_type is Progress
    assert one(Work, anyone, payload_type=Progress).payload_type is Progress
    assert one(Work, providers.Factory(WorkWorker), payload_type=dict).payload_type is dict


def test_the_defaults_of_the_options() -> None:
    registration = one(Work, anyone)
    assert registration.type_name == "Work"
    assert (registration.max_concurrency, registration.timeout) == (None, None)
    assert (registration.cancellation, registration.rerun_interrupted) == ("task", True)
    assert (registration.max_interruptions, registration.retry.max_attempts) == (3, 1)


def test_options_may_be_providers() -> None:
    config = providers.Configuration(default={"limit": 2, "retries": 7})
    registration = one(
        Work, anyone, max_concurrency=config.limit, retry=providers.Factory(Retry, config.retries)
    )
    assert (registration.max_concurrency, registration.retry.max_attempts) == (2, 7)


def test_no_retry_may_be_said_as_none() -> None:
    assert one(Work, anyone, retry=None).retry.max_attempts == 1


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (90, 90),
        (0.5, 0.5),
        ("10 m", 600),
        ("90", 90),
        ("1.5 hours", 5400),
        (timedelta(days=1), 86400),
    ],
)
def test_a_timeout_may_be_written_as_settings_may(given: Any, seconds: float) -> None:
    """FAULTS 43."""
    assert one(Work, anyone, timeout=given).timeout == seconds
    retry = Retry(3, backoff=given, max_backoff=given)
    assert (retry.backoff, retry.max_backoff) == (seconds, seconds)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"max_concurrency": 0}, "max_concurrency=0"),
    ({"max_concurrency": 2.5}, "whole number"),
    ({"max_concurrency": True}, "max_concurrency=True"),
    ({"timeout": 0}, "timeout=0"),
    ({"timeout": float("nan")}, "timeout=nan"),
    (
        {"timeout": "soon"},
        r"background_task\(Work, \.\.\.\): timeout='soon'; "
        r"expected seconds from 0\.001 to 31,622,400, a timedelta, or a text",
    ),
    ({"timeout": "500 days"}, "timeout=43200000.0"),
    ({"timeout": True}, "timeout=True"),
    ({"retry": 3}, "retry=3"),
    ({"cancellation": "kill"}, "'task' or 'cooperative'"),
    ({"rerun_interrupted": "yes"}, "True or False"),
    ({"max_interruptions": 0}, "max_interruptions=0"),
    ({"type_name": ""}, "1 to 200 characters"),
    ({"type_name": "x" * 201}, "1 to 200 characters"),
    ({"type_name": 5}, "type_name=5"),
]


@pytest.mark.parametrize(("options", "said"), BAD, ids=[said for _, said in BAD])
def test_an_option_that_cannot_be_used_is_refused_by_name(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        one(Work, anyone, **options)


def test_an_unknown_option_is_refused_with_those_there_are() -> None:
    with pytest.raises(RegistrationError, match=r"unknown option retries; accepted: .*retry"):
        background_task(Work, anyone, retries=3)  # type: ignore[call-arg]


def test_background_task_takes_the_options_of_a_registration_by_name_and_type() -> None:
    fields = {field.name for field in attrs.fields(Registration) if field.init}
    assert fields - TaskOptions.__optional_keys__ == {"task_type", "worker_provider", "worker_type"}
    written, made = get_type_hints(TaskOptions), get_type_hints(Registration.__init__)
    for name, hint in written.items():
        others = hint if hint is Any else reduce(or_, set(get_args(hint)) - {P})
        assert others == made[name], name
