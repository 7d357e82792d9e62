"""The same done to all tasks that fit a filter; running a task again; dropping one."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from bgtasks import BackendError, BackgroundTaskPolicy
from bgtasks.web.bulk.jobs import KEPT_OF_ONE, RUNNING_OF_ONE

ROUTE = "/api/tasks/bulk"


@pytest.fixture
async def world(make_world: Any, user_header: Any) -> Any:
    return await make_world(wrap=user_header)


async def post(world: Any, user: str, route: str = ROUTE, **body: Any) -> Any:
    async with world.http(headers={"x-user": user}) as http:
        return await http.post(route, **({"json": body} if body else {}))


async def ask(world: Any, user: str, method: str, job: str) -> Any:
    async with world.http(headers={"x-user": user}) as http:
        return await http.request(method, f"{ROUTE}/{job}")


async def over(world: Any, user: str, answer: Any) -> dict[str, Any]:
    """The progress of a job that was begun, when it is over."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["cache-control"] == "no-store"
    while True:
        progress: dict[str, Any] = (await ask(world, user, "GET", answer.json()["id"])).json()
        if progress["status"] != "Running":
            assert progress["id"] == answer.json()["id"]
            return progress
        await world.settled()


async def changed(world: Any, user: str = "ann", **body: Any) -> dict[str, Any]:
    """What became of all tasks that a job has changed."""
    progress = await over(world, user, await post(world, user, **body))
    assert (progress["action"], progress["status"]) == (body["action"], "Completed")
    return {name: progress[name] for name in ("matched", "done", "notAllowed", "gone")}


def statuses(manager: Any, owner: Any) -> list[str]:
    return sorted(info.status for info in manager.tasks.values() if info.owner == owner)


def done(number: int, **more: Any) -> dict[str, Any]:
    answer = {"matched": number, "done": number, "notAllowed": 0, "gone": 0}
    return answer | more


async def test_all_that_fit_are_changed_and_nothing_of_others(world: Any, manager: Any) -> None:
    for owner in ("ann", "bob"):
        for number in range(250):
            manager.add("Copy" if number else "Scan", "Failed", owner=owner)
    retried = await changed(world, action="retry", filter={"type": ["Copy"]}, expected=249)
    assert retried == done(249)
    assert statuses(manager, "ann") == ["Failed"] + ["Pending"] * 249
    assert statuses(manager, "bob") == ["Failed"] * 250

    others = await changed(world, action="retry", filter={"owner": "bob"}, expected=0)
    assert others == done(0)
    refused = await post(world, "ann", action="retry", filter={"owner": "bob"}, expected=250)
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("0 tasks match")
    assert statuses(manager, "bob") == ["Failed"] * 250


async def test_only_what_the_status_allows_is_changed(world: Any, manager: Any) -> None:
    for status in ("Pending", "Running", "Completed", "Failed", "Cancelled"):
        manager.add(status=status, owner="ann")
    for action, number in (("cancel", 2), ("retry", 2), ("delete", 3)):
        dry = await post(world, "ann", f"{ROUTE}?dryRun=true", action=action, filter={})
        expected = {"matched": number, "types": {"Copy": number}, "owners": {"ann": number}}
        assert (dry.status_code, dry.json()) == (200, expected)
    none = await post(
        world, "ann", f"{ROUTE}?dryRun=true", action="cancel", filter={"status": "Failed"}
    )
    assert none.json() == {"matched": 0, "types": {}, "owners": {}}
    assert len(statuses(manager, "ann")) == 5
    deleted = await changed(world, action="delete", filter={"status": "Failed,Running"}, expected=1)
    assert deleted == done(1)
    assert statuses(manager, "ann") == ["Cancelled", "Completed", "Pending", "Running"]


async def test_what_somebody_submits_after_they_looked_is_left_alone(
    world: Any, manager: Any
) -> None:
    manager.add(owner="ann")
    body: dict[str, Any] = {"action": "cancel", "filter": {}, "asOf": "2026-01-01T00:00:00Z"}
    wanted: list[Any] = []
    get_tasks = manager.get_tasks

    async def watched(filter: Any = None, **options: Any) -> Any:  # noqa: A002
        wanted.append(filter)
        return await get_tasks(filter, **options)

    manager.get_tasks = watched
    assert await changed(world, expected=1, **body) == done(1)
    assert {item.created_before.isoformat() for item in wanted} == {"2026-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(("expected", "status"), [(90, 409), (91, 202), (111, 202), (112, 409)])
async def test_a_number_that_is_far_off_changes_nothing(
    world: Any, manager: Any, expected: int, status: int
) -> None:
    for _ in range(100):
        manager.add(owner="ann")
    answer = await post(world, "ann", action="cancel", filter={}, expected=expected)
    assert answer.status_code == status
    if status == 202:
        await over(world, "ann", answer)
    asked = [info.cancel_requested for info in manager.tasks.values()]
    assert asked == [status == 202] * 100
    if status == 409:
        assert answer.headers["content-type"] == "application/problem+json"
        assert "100 tasks match" in answer.json()["detail"]


class Careful(BackgroundTaskPolicy):
    """Says for each task what may be done."""

    async def can_cancel(self, requester: Any, task: Any) -> bool:
        return bool(task.type == "Copy")

    async def can_view(self, requester: Any, task: Any) -> bool:
        return task.type != "Secret" and await super().can_view(requester, task)

    async def visible_owners(self, requester: Any) -> frozenset[str | None]:
        return frozenset({requester.identity})


async def test_the_policy_is_asked_for_each_task(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    world = await make_world(wrap=user_header, policy=Careful())
    for kind in ("Copy", "Scan", "Secret", "Copy"):
        manager.add(kind, owner="ann")
    progress = await over(
        world, "ann", await post(world, "ann", action="cancel", filter={}, expected=4)
    )
    numbers = {name: progress[name] for name in ("matched", "done", "notAllowed", "gone")}
    assert numbers == done(4, done=2, notAllowed=1)  # of what it may not see, nothing is said
    (scan,) = [str(info.id) for info in manager.tasks.values() if info.type == "Scan"]
    assert progress["refused"] == [{"id": scan, "reason": "not allowed"}]
    told = [info.type for info in manager.tasks.values() if info.cancel_requested]
    assert told == ["Copy", "Copy"]


class Alone(BackgroundTaskPolicy):
    """Decides for each task who sees it, and nobody else knows."""

    async def can_view(self, requester: Any, task: Any) -> bool:
        return bool(task.owner == requester.identity)


@pytest.mark.parametrize("query", ["", "?dryRun=true"])
async def test_where_only_a_predicate_knows_nothing_is_changed(
    make_world: Any, manager: Any, user_header: Any, query: str
) -> None:
    world = await make_world(wrap=user_header, policy=Alone())
    manager.add(owner="ann")
    answer = await post(world, "ann", ROUTE + query, action="cancel", filter={}, expected=1)
    assert (answer.status_code, "can_view" in answer.json()["detail"]) == (403, True)
    assert not any(info.cancel_requested for info in manager.tasks.values())


async def test_what_has_moved_on_is_gone(world: Any, manager: Any) -> None:
    first, held = (
        manager.add(status="Failed", owner="ann"),
        manager.add(status="Failed", owner="ann"),
    )
    manager.key_holders[held.id] = first.id
    progress = await over(
        world, "ann", await post(world, "ann", action="retry", filter={}, expected=2)
    )
    assert (progress["matched"], progress["done"], progress["gone"]) == (2, 1, 1)
    assert progress["refused"] == [{"id": str(held.id), "reason": "moved on"}]


async def test_all_are_changed_however_many_there_are(world: Any, manager: Any) -> None:
    for _ in range(10_050):
        manager.add(status="Failed", owner="ann")
    assert await changed(world, action="delete", filter={}, expected=10_050) == done(10_050)
    assert manager.tasks == {}


async def test_those_that_may_not_be_changed_keep_nobody_from_the_rest(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    world = await make_world(wrap=user_header, policy=Careful())
    manager.add("Copy", owner="ann")
    for _ in range(250):
        manager.add("Scan", owner="ann")
    progress = await over(
        world, "ann", await post(world, "ann", action="cancel", filter={}, expected=251)
    )
    assert (progress["done"], progress["notAllowed"]) == (1, 250)
    assert len(progress["refused"]) == 100


async def test_a_dry_run_counts_by_type_and_owner(
    make_world: Any, manager: Any, user_header: Any
) -> None:
    world = await make_world(wrap=user_header)
    for kind, owner in (("Copy", "ann"), ("Copy", None), ("Scan", None), ("Copy", "bob")):
        manager.add(kind, owner=owner)
    dry = await post(world, "ann", f"{ROUTE}?dryRun=true", action="cancel", filter={})
    assert dry.json() == {
        "matched": 3,
        "types": {"Copy": 2, "Scan": 1},
        "owners": {"": 2, "ann": 1},
    }
    assert not any(info.cancel_requested for info in manager.tasks.values())


class Held:
    """Tasks whose change takes until it is released."""

    def __init__(self, manager: Any) -> None:
        self.release = asyncio.Event()
        self._cancel = manager.request_cancel
        manager.request_cancel = self

    async def __call__(self, task_id: Any) -> Any:
        await self.release.wait()
        return await self._cancel(task_id)


async def test_a_job_says_how_far_it_is_to_nobody_but_who_began_it(
    world: Any, manager: Any
) -> None:
    held = Held(manager)
    manager.add(owner="ann")
    begun = await post(world, "ann", action="cancel", filter={}, expected=1)
    assert begun.json() == {"id": begun.json()["id"], "matched": 1}
    job = begun.json()["id"]
    for user, method in (("bob", "GET"), ("bob", "DELETE")):
        answer = await ask(world, user, method, job)
        assert (answer.status_code, "no bulk job" in answer.json()["detail"]) == (404, True)
    progress = (await ask(world, "ann", "GET", job)).json()
    assert (progress["status"], progress["done"], progress["endedAt"]) == ("Running", 0, None)
    held.release.set()
    assert (await over(world, "ann", begun))["done"] == 1
    assert (await ask(world, "ann", "GET", str(uuid4()))).status_code == 404
    assert (await ask(world, "ann", "GET", "nonsense")).status_code == 400


async def test_a_job_that_is_ended_changes_nothing_more(world: Any, manager: Any) -> None:
    Held(manager)
    for _ in range(150):
        manager.add(owner="ann")
    begun = await post(world, "ann", action="cancel", filter={}, expected=150)
    ended = await ask(world, "ann", "DELETE", begun.json()["id"])
    assert (ended.status_code, ended.json()["status"], ended.json()["done"]) == (
        200,
        "Cancelled",
        0,
    )
    assert not any(info.cancel_requested for info in manager.tasks.values())
    again = await ask(world, "ann", "DELETE", begun.json()["id"])
    assert again.json() == ended.json()


async def test_jobs_are_bounded_for_each_user(world: Any, manager: Any) -> None:
    held = Held(manager)
    for owner in ("ann", "bob"):
        manager.add(owner=owner)
    jobs = [
        await post(world, "ann", action="cancel", filter={}, expected=1)
        for _ in range(RUNNING_OF_ONE)
    ]
    refused = await post(world, "ann", action="cancel", filter={}, expected=1)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert refused.headers["content-type"] == "application/problem+json"
    bobs = await post(world, "bob", action="cancel", filter={}, expected=1)
    held.release.set()
    for user, begun in [*(("ann", job) for job in jobs), ("bob", bobs)]:
        await over(world, user, begun)
    assert (await post(world, "ann", action="cancel", filter={}, expected=1)).status_code == 202


async def test_only_the_newest_jobs_are_remembered(world: Any, manager: Any) -> None:
    manager.add(status="Failed", owner="ann")
    first = await post(world, "ann", action="cancel", filter={}, expected=0)
    await over(world, "ann", first)
    bobs = await post(world, "bob", action="cancel", filter={}, expected=0)
    await over(world, "bob", bobs)
    for _ in range(KEPT_OF_ONE):
        last = await post(world, "ann", action="cancel", filter={}, expected=0)
        await over(world, "ann", last)
    assert (await ask(world, "ann", "GET", first.json()["id"])).status_code == 404
    assert (await ask(world, "ann", "GET", last.json()["id"])).status_code == 200
    assert (await ask(world, "bob", "GET", bobs.json()["id"])).status_code == 200


async def test_a_job_that_fails_says_so(world: Any, manager: Any, caplog: Any) -> None:
    manager.add(owner="ann")
    for error, said in (
        (BackendError("10.0.0.7 is gone"), "the store of tasks is not available"),
        (ZeroDivisionError("secret"), "an unexpected error happened; it was logged"),
    ):

        async def fail(_: Any, error: Exception = error) -> None:
            raise error

        manager.request_cancel = fail
        progress = await over(
            world, "ann", await post(world, "ann", action="cancel", filter={}, expected=1)
        )
        assert (progress["status"], progress["error"]) == ("Failed", said)
        assert str(error) in caplog.text


async def test_a_stop_ends_jobs(world: Any, manager: Any) -> None:
    Held(manager)
    manager.add(owner="ann")
    await post(world, "ann", action="cancel", filter={}, expected=1)
    await world.stop()
    assert not any(info.cancel_requested for info in manager.tasks.values())


GOOD = '{"action": "cancel", "filter": {}, "expected": 1}'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "the body is no JSON"),
        ("[" * 60_000, "the body is no JSON"),
        ("\xff", "the body is no JSON"),
        ("[]", "the body is []"),
        (GOOD.replace("cancel", "drop"), "action is 'drop'; accepted: cancel, retry, delete"),
        (GOOD.replace('"cancel"', "[]"), "action is []"),
        (GOOD.replace("{}", "null"), "filter is None"),
        (GOOD.replace('"filter": {}, ', ""), "filter is None"),
        (GOOD.replace("{}", '{"state": "x"}'), "unknown field 'state'"),
        (GOOD.replace("{}", '{"type": 7}'), "type is 7; accepted: a text, or a list of texts"),
        (GOOD.replace("{}", '{"type": []}'), "type is []"),
        (GOOD.replace("{}", '{"status": "Lost"}'), "status is 'Lost'"),
        (GOOD.replace("{}", '{"type": null}'), "type is None"),
        (GOOD.replace("1}", "-1}"), "expected is -1"),
        (GOOD.replace("1}", "true}"), "expected is True"),
        (GOOD.replace("1}", "1.5}"), "expected is 1.5"),
        (GOOD.replace(', "expected": 1', ""), "expected is None"),
        (GOOD.replace("1}", '1, "asOf": "now"}'), "created_before is 'now'"),
        (GOOD.replace("1}", '1, "asOf": 7}'), "asOf is 7"),
        (GOOD.replace("1}", '1, "force": true}'), "unknown field 'force'"),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_by_name(
    world: Any, manager: Any, body: str, said: str
) -> None:
    manager.add(owner="ann")
    answer = await _send(world, body)
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True), answer.text
    assert not any(info.cancel_requested for info in manager.tasks.values())


async def _send(world: Any, body: str, route: str = ROUTE, **headers: str) -> Any:
    async with world.http(headers={"x-user": "ann", **headers}) as http:
        return await http.post(route, content=body.encode("latin-1"))


async def test_a_body_is_bounded(world: Any) -> None:
    answer = await _send(world, GOOD + " " * 70_000)
    assert answer.status_code == 413


async def test_a_parameter_that_is_none_is_refused(world: Any) -> None:
    for query, said in (("?dry=true", "'dry'"), ("?dryRun=yes", "true or false")):
        answer = await _send(world, GOOD, ROUTE + query)
        assert (answer.status_code, said in answer.json()["detail"]) == (400, True)


async def test_a_foreign_page_changes_nothing(world: Any, manager: Any) -> None:
    manager.add(owner="ann")
    answer = await _send(world, GOOD, origin="http://elsewhere.example")
    assert answer.status_code == 403
    assert not any(info.cancel_requested for info in manager.tasks.values())


async def test_tasks_without_an_owner_are_named_by_null(world: Any, manager: Any) -> None:
    manager.add(owner=None)
    manager.add(owner="ann")
    assert await changed(world, action="cancel", filter={"owner": [None]}, expected=1) == done(1)


# One task


async def test_a_task_runs_again_as_a_new_one(world: Any, manager: Any) -> None:
    old = manager.add(status="Completed", owner="ann")
    answer = await post(world, "ann", f"/api/tasks/{old.id}/run-again")
    assert answer.status_code == 202
    new = answer.json()
    assert (new["id"] != str(old.id), new["status"], new["owner"]) == (True, "Pending", "ann")
    assert manager.tasks[old.id] == old


async def test_a_final_task_is_dropped(world: Any, manager: Any) -> None:
    ended, running = manager.add(status="Failed", owner="ann"), manager.add(owner="ann")
    answer = await post(world, "ann", f"/api/tasks/{ended.id}/delete")
    assert (answer.status_code, answer.json()["id"]) == (200, str(ended.id))
    assert (await post(world, "ann", f"/api/tasks/{ended.id}/delete")).status_code == 404
    assert (await post(world, "ann", f"/api/tasks/{running.id}/delete")).status_code == 409
    assert list(manager.tasks) == [running.id]


@pytest.mark.parametrize("what", ["run-again", "delete"])
async def test_what_belongs_to_others_is_not_there(world: Any, manager: Any, what: str) -> None:
    other = manager.add(status="Failed", owner="bob")
    answer = await post(world, "ann", f"/api/tasks/{other.id}/{what}")
    assert answer.status_code == 404
    assert list(manager.tasks) == [other.id]


class LooksOnly(BackgroundTaskPolicy):
    """Everybody may look."""

    async def can_cancel(self, requester: Any, task: Any) -> bool:
        return False

    async def can_retry(self, requester: Any, task: Any) -> bool:
        return False


@pytest.mark.parametrize("what", ["run-again", "delete"])
async def test_what_the_policy_forbids_is_not_done(
    make_world: Any, manager: Any, user_header: Any, what: str
) -> None:
    world = await make_world(wrap=user_header, policy=LooksOnly())
    task = manager.add(status="Failed", owner="ann")
    assert (await post(world, "ann", f"/api/tasks/{task.id}/{what}")).status_code == 403
    assert list(manager.tasks) == [task.id]


async def test_who_holds_the_key_is_told_to_nobody_else(world: Any, manager: Any) -> None:
    ended, other = manager.add(status="Failed", owner="ann"), manager.add(owner="bob")
    manager.key_holders[ended.id] = other.id
    answer = await post(world, "ann", f"/api/tasks/{ended.id}/run-again")
    assert answer.status_code == 409
    assert str(other.id) not in answer.text
