"""What ``run_task`` accepts, what it refuses, and what it writes."""

import gc
import threading
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import attrs
import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    DuplicateTaskError,
    SerializationError,
    SettingsError,
    UnregisteredTaskError,
    background_task,
)
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.core.submission import BlockingRunOptions, RunOptions, SubmitOptions
from tests.hosts.scripted import (
    Context,
    OtherWork,
    Progress,
    Work,
    backend_of,
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
class Named(BackgroundTaskBase):
    """A task with a name and message of its own, of any length."""

    name: str = "A name"
    message: str | None = "Soon"
    anything: Any = None

    @property
    def display_name(self) -> str:
        return self.name

    @property
    def initial_status_message(self) -> str | None:
        return self.message


def named() -> Any:
    return container_of(background_task(Named, worker_of(done)))


async def test_an_accepted_task_is_there_with_everything_that_was_said_of_it() -> None:
    container = named()
    now = clock_of(container).now()
    async with running(container) as manager:
        task = Named()
        assert await manager.run_task(task, owner="ann", delay=60) == task.id
        info = await get(manager, task.id)
    assert (info.type, info.name, info.owner) == ("Named", "A name", "ann")
    assert (info.status, info.status_message, info.progress) == (Status.PENDING, "Soon", 0.0)
    assert (info.created_at, info.started_at, info.completed_at) == (now, None, None)
    assert (info.revision, info.attempt, info.cancel_requested) == (1, 0, False)
    assert info.scheduled_at == now + timedelta(seconds=60)


@pytest.mark.parametrize("delay", [600, "10 m", "600", timedelta(minutes=10)])
async def test_a_delay_may_be_written_as_settings_may(delay: Any) -> None:
    """FAULTS 43."""
    container = named()
    due = clock_of(container).now() + timedelta(minutes=10)
    async with running(container) as manager:
        info = await get(manager, await manager.run_task(Named(), delay=delay))
    assert info.scheduled_at == due


async def test_a_type_name_is_what_the_task_is_stored_under() -> None:
    container = container_for(done, type_name="work.v2")
    async with running(container) as manager:
        info = await run_to_end(manager, Work())
        assert info.type == "work.v2"
        assert len(await manager.get_tasks(type="work.v2")) == 1


async def test_the_payload_is_given_back_as_the_type_the_worker_reports() -> None:
    async def script(context: Context) -> None:
        context.set_payload(Progress(7))

    async with running(container_for(script, payload_type=Progress)) as manager:
        assert (await run_to_end(manager, Work())).payload == Progress(7)
    async with running(container_for(script)) as manager:
        assert (await run_to_end(manager, Work())).payload == {"copiedBytes": 7, "totalBytes": 100}


async def test_an_id_is_accepted_once_and_the_first_task_is_left_as_it_is() -> None:
    async with running(container_for(done)) as manager:
        info = await run_to_end(manager, Work(text="first"), owner="ann")
        with pytest.raises(DuplicateTaskError, match=str(info.id)):
            await manager.run_task(Work(id=info.id, text="second"))
        assert await get(manager, info.id) == info


async def test_several_tasks_are_accepted_all_or_none() -> None:
    async with running(container_for(done)) as manager:
        taken = await manager.run_task(Work(), delay=60)
        with pytest.raises(DuplicateTaskError):
            await manager.run_tasks([Work(), Work(id=taken)])
        with pytest.raises(UnregisteredTaskError):
            await manager.run_tasks([Work(), OtherWork()])
        assert len(await manager.get_tasks()) == 1
        assert await manager.run_tasks([]) == []


async def test_a_process_that_only_submits_keeps_nothing_of_what_it_submitted() -> None:
    """FAULTS 33: not the caller's tasks, nor copies of them."""

    @frozen(kw_only=True)
    class Large(BackgroundTaskBase):
        text: str

    container = container_of(background_task(Large, worker_of(done)), run_tasks=False)
    async with running(container) as manager:
        ids = await manager.run_tasks([Large(text="x" * 1_000) for _ in range(300)])
        ids.append(await manager.run_task(Large(text="one by one")))
        gc.collect()
        assert not [item for item in gc.get_objects() if type(item) is Large]
        assert len(ids) == 301


async def test_an_unregistered_type_is_refused_with_what_to_write_where() -> None:
    async with running(container_for(done)) as manager:
        with pytest.raises(UnregisteredTaskError, match=r"background_task\(OtherWork, .*tasks="):
            await manager.run_task(OtherWork())


async def test_a_task_that_cannot_be_stored_is_refused_by_its_field() -> None:
    async with running(named()) as manager:
        with pytest.raises(SerializationError, match=r"Named\.anything cannot .*lock"):
            await manager.run_task(Named(anything=threading.Lock()))
        with pytest.raises(SerializationError, match=r"Named\.anything cannot .*nan"):
            await manager.run_task(Named(anything=float("nan")))
        assert len(await manager.get_tasks()) == 0


async def test_long_and_strange_names_are_cut_and_made_valid() -> None:
    async with running(named()) as manager:
        info = await get(manager, await manager.run_task(Named(name="x" * 5000), delay=60))
        assert len(info.name) == 1000
        info = await get(manager, await manager.run_task(Named(name="caf\udce9"), delay=60))
        assert info.name == "caf?"
        info = await get(manager, await manager.run_task(Named(message=None), delay=60))
        assert info.status_message is None


class Nowhere(tzinfo):
    """A time zone that does not say how far from UTC it is."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str | None:
        return None


class Raising(Nowhere):
    """A time zone that cannot be asked, nor shown."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        raise LookupError("no such zone")

    def __repr__(self) -> str:
        raise LookupError("no such zone")


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("not now")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"owner": ""}, "owner is ''"),
    ({"owner": "x" * 256}, "1 to 255 characters"),
    ({"owner": 7}, "owner is 7"),
    ({"priority": 1.5}, "priority is 1.5"),
    ({"priority": True}, "priority is True"),
    ({"priority": 1_000_001}, "-1,000,000 to 1,000,000"),
    ({"delay": -1}, "delay is -1"),
    ({"delay": timedelta(days=-1)}, "delay is"),
    ({"delay": float("nan")}, "delay is nan"),
    ({"delay": True}, "delay is True"),
    ({"delay": "4000 days"}, "0 to 3660 days"),
    ({"delay": float("inf")}, "delay is inf"),
    ({"delay": "soon"}, "delay is 'soon'"),
    ({"delay": timedelta(days=4000)}, "0 to 3660 days"),
    ({"run_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
    ({"run_at": "tomorrow"}, "run_at is 'tomorrow'"),
    # FAULTS 19: what one of the stores would keep as another time.
    ({"run_at": datetime.max.replace(tzinfo=UTC)}, "at most 3660 days from now"),
    ({"run_at": datetime.min.replace(tzinfo=UTC)}, "a time from 1970 on"),
    ({"run_at": datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))}, "cannot be told in"),
    ({"run_at": datetime(2026, 1, 1, tzinfo=Nowhere())}, "a time with a time zone"),
    ({"run_at": datetime(2026, 1, 1, tzinfo=Raising())}, "cannot be told in UTC: no such zone"),
    ({"priority": 10**5000}, "priority is <int whose repr"),
    ({"delay": 10**5000}, "delay is <int whose repr"),
    ({"owner": Unshowable()}, "owner is <Unshowable whose repr"),
    ({"run_at": datetime(2026, 1, 1, tzinfo=UTC), "delay": 1}, "both"),
]


@pytest.mark.parametrize(("options", "said"), BAD, ids=[said for _, said in BAD])
async def test_other_arguments_that_cannot_be_used_are_refused_by_name(
    options: dict[str, Any], said: str
) -> None:
    async with running(container_for(done)) as manager:
        with pytest.raises(SettingsError, match=said):
            await manager.run_task(Work(), **options)
        assert len(await manager.get_tasks()) == 0


async def test_an_unknown_option_is_refused_by_name() -> None:
    unknown: Any = {"prioritty": 1}
    async with running(container_for(done)) as manager:
        with pytest.raises(TypeError, match="unknown option prioritty; accepted: "):
            await manager.run_task(Work(), **unknown)


def test_type_checkers_see_the_options_that_are_checked() -> None:
    checked = {field.name for field in attrs.fields(SubmitOptions)}
    assert set(RunOptions.__optional_keys__) == checked
    assert checked - BlockingRunOptions.__optional_keys__ == {"connection"}


async def test_a_stored_task_whose_class_changed_fails_with_the_reason_and_keeps_its_data(
    tmp_path: Any,
) -> None:
    database = str(tmp_path / "tasks.db")
    before = container_of(background_task(Named, worker_of(done), type_name="task"))
    after = container_of(background_task(Changed, worker_of(done), type_name="task"))
    for container in (before, after):
        container.config.from_dict({"database": database})
    async with before.manager() as manager:
        task_id = await manager.run_task(Named(), delay=60)
    clock_of(after).advance(60)
    backend = backend_of(after)
    async with after.manager() as manager:
        info = await manager.wait_for(task_id, 10)
        assert info.status is Status.FAILED
        assert "needed" in (info.error_message or "")
        record = await backend.get(task_id)
        assert record is not None
        assert '"A name"' in record.data


@frozen(kw_only=True)
class Changed(BackgroundTaskBase):
    """What ``Named`` has become."""

    needed: int


async def test_a_stored_task_that_nobody_registered_here_waits_and_says_so(tmp_path: Any) -> None:
    database = str(tmp_path / "tasks.db")
    first, second = named(), container_for(done)
    for container in (first, second):
        container.config.from_dict({"database": database})
    async with first.manager() as manager:
        task_id = await manager.run_task(Named(), delay=60)
    clock_of(second).advance(60)
    async with second.manager() as manager:
        await run_to_end(manager, Work())
        info = await get(manager, task_id)
        assert info.status is Status.PENDING
        assert "no worker is registered for Named" in (info.status_message or "")
    clock_of(first).advance(60)
    async with first.manager() as manager:
        assert (await manager.wait_for(task_id, 10)).status is Status.COMPLETED


async def test_a_worker_is_built_anew_for_each_attempt() -> None:
    built: list[object] = []

    def build() -> Any:
        worker = worker_of(done)()
        built.append(worker)
        return worker

    container = container_of(background_task(Work, providers.Factory(build)))
    async with running(container) as manager:
        for _ in range(3):
            await run_to_end(manager, Work())
    assert len({id(worker) for worker in built}) == 3


async def test_times_of_any_zone_are_kept_as_utc() -> None:
    container = container_for(done)
    run_at = datetime(2026, 7, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    async with running(container) as manager:
        info = await get(manager, await manager.run_task(Work(), run_at=run_at))
    assert info.scheduled_at == run_at
    assert info.scheduled_at is not None
    assert info.scheduled_at.tzinfo is UTC


class OwnTime(datetime):
    """As other libraries have them."""

    def __str__(self) -> str:
        return "soon"


async def test_a_time_of_a_subclass_is_kept_as_the_plain_time_that_it_is() -> None:
    container = container_for(done)
    run_at = OwnTime(2026, 7, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2, seconds=7)))
    async with running(container) as manager:
        info = await get(manager, await manager.run_task(Work(), run_at=run_at))
    assert info.scheduled_at == run_at
    assert type(info.scheduled_at) is datetime


async def test_an_owner_that_is_no_valid_text_is_stored_as_a_valid_one() -> None:
    async with running(container_for(done)) as manager:
        info = await get(manager, await manager.run_task(Work(), owner="caf\udce9", delay=60))
    assert info.owner == "caf?"
