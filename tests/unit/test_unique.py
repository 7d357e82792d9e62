"""Which tasks are the same, and what ``submit`` says of one that is there already."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from attrs import field, frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BlockingTaskManager,
    DuplicateTaskError,
    RegistrationError,
    SettingsError,
    TaskStateError,
    Unique,
    background_task,
)
from bgtasks import BackgroundTaskStatus as Status
from tests.hosts.scripted import (
    Failing,
    Gate,
    OtherWork,
    Work,
    clock_of,
    container_for,
    container_of,
    done,
    get,
    run_to_end,
    running,
    worker_of,
)


@frozen(kw_only=True)
class Export(BackgroundTaskBase):
    account: int = 7
    year: int = 2026
    note: str = ""
    weight: float = 1.0
    tags: frozenset[str] = frozenset()
    options: dict[str, int] = field(factory=dict)
    day: date | None = None


def exports(unique: Unique | None, script: Any = done, **options: Any) -> Any:
    return container_of(
        background_task(Export, worker_of(script), unique=unique, **options),
        background_task(OtherWork, worker_of(done)),
    )


async def are_same(unique: Unique, first: Export, second: Export, *owners: str | None) -> bool:
    of_first, of_second = owners or (None, None)
    async with running(exports(unique)) as manager:
        await manager.run_task(first, delay=60, owner=of_first)
        return not (await manager.submit(second, owner=of_second)).accepted


async def test_the_second_of_two_equal_tasks_is_the_first() -> None:
    async with running(exports(Unique(by=("account", "year")))) as manager:
        first = await manager.submit(Export(note="first"), owner="ada", delay=60)
        assert first.accepted
        assert first.info == await get(manager, first.id)
        again = await manager.submit(Export(note="second"), owner="ada")
        assert (again.id, again.accepted, again.info) == (first.id, False, first.info)
        assert await manager.run_task(Export(), owner="ada") == first.id
        assert len(await manager.get_tasks()) == 1


SAME = [
    (None, Export(), Export()),
    (None, Export(weight=2), Export(weight=2.0)),
    (None, Export(options={"a": 1, "b": 2}), Export(options={"b": 2, "a": 1})),
    (("tags",), Export(tags=frozenset("abcdef")), Export(tags=frozenset("fedcba"))),
    (("account",), Export(note="a"), Export(note="b")),
    ((), Export(account=1), Export(account=2)),
    (["account"], Export(note="a"), Export(note="b")),
    (lambda task: f"{task.account}", Export(note="a"), Export(note="b")),
]
OTHER = [
    (None, Export(), Export(note="x")),
    (None, Export(day=date(2026, 1, 1)), Export(day=date(2026, 1, 2))),
    (None, Export(weight=0.5), Export(weight=0.25)),
    (("account", "year"), Export(account=1, year=12), Export(account=11, year=2)),
    (("note",), Export(note="1"), Export(note="1 ")),
    (("id",), Export(), Export()),
    (lambda task: task.note, Export(note="a"), Export(note="b")),
]


@pytest.mark.parametrize(("by", "first", "second"), SAME)
async def test_tasks_with_the_same_fields_are_the_same(
    by: Any, first: Export, second: Export
) -> None:
    assert await are_same(Unique(by=by), first, second)


@pytest.mark.parametrize(("by", "first", "second"), OTHER)
async def test_tasks_with_other_fields_are_others(by: Any, first: Export, second: Export) -> None:
    assert not await are_same(Unique(by=by), first, second)


async def test_each_owner_has_keys_of_its_own() -> None:
    each, across = Unique(by=()), Unique(by=(), across_owners=True)
    for second in ("bob", None):
        assert not await are_same(each, Export(), Export(), "ada", second)
        assert await are_same(across, Export(), Export(), "ada", second)


async def test_each_type_has_keys_of_its_own() -> None:
    async with running(exports(Unique(by=()))) as manager:
        await manager.run_task(Export(), delay=60, key="k")
        assert (await manager.submit(OtherWork(), key="k")).accepted


async def test_of_200_equal_submissions_one_is_accepted() -> None:
    async with running(exports(Unique(by=("account",)), gate := Gate())) as manager:
        handed = await asyncio.gather(*(manager.submit(Export()) for _ in range(200)))
        assert sum(item.accepted for item in handed) == 1
        assert len({item.id for item in handed}) == 1
        gate.open.set()
        await manager.wait_for(handed[0].id, 10)
    assert gate.runs == 1


async def test_a_refused_task_names_the_one_that_is_there() -> None:
    async with running(exports(Unique(conflict="refuse"))) as manager:
        first = await manager.run_task(Export(), delay=60)
        with pytest.raises(DuplicateTaskError, match=str(first)) as refused:
            await manager.run_task(Export())
        assert refused.value.existing == first
        with pytest.raises(DuplicateTaskError):
            await manager.run_tasks([OtherWork(), Export()])
        assert len(await manager.get_tasks()) == 1


async def test_a_taken_id_names_itself() -> None:
    async with running(exports(None)) as manager:
        task = Export()
        await manager.run_task(task)
        with pytest.raises(DuplicateTaskError) as refused:
            await manager.run_task(task)
        assert refused.value.existing == task.id


async def test_the_newest_submission_replaces_one_that_waits() -> None:
    async with running(exports(Unique(by=("account",), conflict="replace"))) as manager:
        first = await manager.run_task(Export(note="old"), delay=60)
        handed = await manager.submit(Export(note="new"), delay=30)
        assert (handed.id, handed.accepted) == (first, False)
        assert handed.info == await get(manager, first)
        assert handed.info.revision == 2


async def test_a_replaced_task_does_what_the_newest_submission_says() -> None:
    seen = []

    async def note(context: Any) -> None:
        seen.append((context.task.id, context.task.note))

    container = exports(Unique(by=("account",), conflict="replace"), note)
    async with running(container) as manager:
        first = await manager.run_task(Export(note="old"), delay=60)
        await manager.run_task(Export(note="new"))
        await manager.wait_for(first, 10)
    assert seen == [(first, "new")]


async def test_several_tasks_get_the_ids_of_holders_in_their_places() -> None:
    async with running(exports(Unique(by=("account",)))) as manager:
        first = await manager.run_task(Export(account=1), delay=60)
        other = Export(account=2)
        ids = await manager.run_tasks([other, Export(account=1), Export(account=2)], delay=60)
        assert ids == [other.id, first, other.id]


async def test_a_task_that_cannot_be_stored_takes_no_key() -> None:
    async with running(exports(Unique(by=("account",)))) as manager:
        taken = await manager.run_task(OtherWork())
        with pytest.raises(DuplicateTaskError):
            await manager.run_tasks([Export(), OtherWork(id=taken)])
        assert (await manager.submit(Export())).accepted


# A key of the caller's


async def test_the_key_of_a_caller_works_for_any_type_for_a_day() -> None:
    container = container_for(done)
    async with running(container) as manager:
        first = await manager.submit(Work(text="a"), key="order-4711", owner="ada")
        await manager.wait_for(first.id, 10)
        again = await manager.submit(Work(text="b"), key="order-4711", owner="ada")
        assert (again.id, again.accepted) == (first.id, False)
        assert again.info.status is Status.COMPLETED
        assert (await manager.submit(Work(), key="order-4711", owner="bob")).accepted
        assert (await manager.submit(Work(), key="order-4712", owner="ada")).accepted
        clock_of(container).advance(24 * 3600 + 1)
        assert (await manager.submit(Work(), key="order-4711", owner="ada")).accepted


async def test_the_key_of_a_caller_stands_in_place_of_the_fields() -> None:
    unique = Unique(by=("account",), conflict="refuse")
    async with running(exports(unique)) as manager:
        await manager.run_task(Export(), delay=60)
        first = await manager.run_task(Export(), delay=60, key="k")
        with pytest.raises(DuplicateTaskError, match=str(first)):
            await manager.run_task(Export(account=8), key="k")


async def test_a_repeated_submission_with_its_own_id_is_the_same() -> None:
    async with running(container_for(done)) as manager:
        task = Work()
        assert (await manager.submit(task, key="k")).accepted
        assert not (await manager.submit(task, key="k")).accepted


@pytest.mark.parametrize("key", ["", "x" * 256, 7, b"k"])
async def test_a_key_that_is_none_is_refused_by_name(key: Any) -> None:
    async with running(container_for(done)) as manager:
        with pytest.raises(SettingsError, match=r"key is .* accepted: 1 to 255 characters"):
            await manager.run_task(Work(), key=key)


async def test_a_key_is_for_one_task() -> None:
    async with running(container_for(done)) as manager:
        await manager.run_tasks([Work()], key="k")
        with pytest.raises(SettingsError, match="key is for one task, and there are 2"):
            await manager.run_tasks([Work(), Work()], key="k2")
        assert len(await manager.get_tasks()) == 1


# Retries


async def test_a_retry_by_hand_takes_the_key_again_or_names_who_has_it() -> None:
    failing = Failing(times=1)
    async with running(exports(Unique(by=("account",)), failing.run)) as manager:
        first = await run_to_end(manager, Export())
        assert first.status is Status.FAILED
        second = await manager.run_task(Export(), delay=60)
        with pytest.raises(TaskStateError, match=str(second)) as refused:
            await manager.retry_task(first.id)
        assert refused.value.existing == second
        await manager.cancel_task(second)
        assert await manager.retry_task(first.id)


# Other doors


async def test_threads_submit_the_same_way() -> None:
    container = exports(Unique(by=("account",)))

    def handler() -> None:
        blocking: BlockingTaskManager = container.blocking_manager()
        first = blocking.submit(Export(), delay=60)
        assert first.accepted
        assert blocking.submit(Export()).id == first.id
        assert blocking.run_task(OtherWork(), key="k") == blocking.run_task(OtherWork(), key="k")

    async with running(container):
        await asyncio.to_thread(handler)


# Options


BAD: list[tuple[dict[str, Any], str]] = [
    ({"by": "account"}, "by='account'; expected a tuple of field names"),
    ({"by": (1,)}, "by=.*; expected a tuple of field names"),
    ({"until": "done"}, "until='done'; expected 'started' or 'ended'"),
    ({"at_least": 0}, "at_least=.*; expected seconds above 0"),
    ({"at_least": timedelta(days=367)}, "at_least=.*; expected .* at most 366 days"),
    ({"at_least": "soon"}, "at_least='soon'"),
    ({"across_owners": 1}, "across_owners=1; expected True or False"),
    ({"conflict": "ignore"}, "conflict='ignore'; expected 'existing', 'refuse' or 'replace'"),
]


@pytest.mark.parametrize(("options", "said"), BAD, ids=[said for _, said in BAD])
def test_an_option_that_cannot_be_used_is_refused_by_name(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        Unique(**options)


def test_fields_that_a_task_does_not_have_are_refused_at_the_registration() -> None:
    with pytest.raises(
        RegistrationError, match=r"by=\.\.\.\) names 'acount'; accepted: 'id', 'acc"
    ):
        exports(Unique(by=("acount",))).registry()
    with pytest.raises(SettingsError, match=r"unique=.*; expected Unique\(\.\.\.\) or None"):
        container_for(done, unique=("account",)).registry()


@pytest.mark.parametrize("at_least", [600, "10 m", timedelta(minutes=10)])
def test_a_time_may_be_written_as_any_duration(at_least: Any) -> None:
    assert Unique(at_least=at_least).at_least == timedelta(minutes=10)


def test_it_may_be_a_provider() -> None:
    container = container_for(done, unique=providers.Factory(Unique, by=("text",)))
    (registration,) = container.registry()
    assert registration.unique == Unique(by=("text",))


@pytest.mark.parametrize("returned", [7, None, "x" * 10_001])
async def test_a_function_that_returns_no_key_is_refused(returned: Any) -> None:
    async with running(exports(Unique(by=lambda _: returned))) as manager:
        with pytest.raises(SettingsError, match=r"function in Unique\(by=\.\.\.\) returned"):
            await manager.run_task(Export())
