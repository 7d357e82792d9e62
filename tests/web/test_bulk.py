"""The same done to all tasks that fit a filter; running a task again; dropping one."""

from typing import Any

import pytest

from bgtasks import BackgroundTaskPolicy

ROUTE = "/api/tasks/bulk"


@pytest.fixture
async def world(make_world: Any, user_header: Any) -> Any:
    return await make_world(wrap=user_header)


async def post(world: Any, user: str, route: str = ROUTE, **body: Any) -> Any:
    async with world.http(headers={"x-user": user}) as http:
        return await http.post(route, **({"json": body} if body else {}))


def statuses(manager: Any, owner: Any) -> list[str]:
    return sorted(info.status for info in manager.tasks.values() if info.owner == owner)


def done(number: int, **more: Any) -> dict[str, Any]:
    answer = {"matched": number, "done": number, "notAllowed": 0, "gone": 0, "more": False}
    return answer | more


async def test_all_that_fit_are_changed_and_nothing_of_others(world: Any, manager: Any) -> None:
    for owner in ("ann", "bob"):
        for number in range(250):
            manager.add("Copy" if number else "Scan", "Failed", owner=owner)
    answer = await post(world, "ann", action="retry", filter={"type": ["Copy"]}, expected=249)
    assert (answer.status_code, answer.json()) == (200, done(249))
    assert answer.headers["cache-control"] == "no-store"
    assert statuses(manager, "ann") == ["Failed"] + ["Pending"] * 249
    assert statuses(manager, "bob") == ["Failed"] * 250

    others = await post(world, "ann", action="retry", filter={"owner": "bob"}, expected=0)
    assert others.json() == done(0)
    refused = await post(world, "ann", action="retry", filter={"owner": "bob"}, expected=250)
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("0 tasks match")
    assert statuses(manager, "bob") == ["Failed"] * 250


async def test_only_what_the_status_allows_is_changed(world: Any, manager: Any) -> None:
    for status in ("Pending", "Running", "Completed", "Failed", "Cancelled"):
        manager.add(status=status, owner="ann")
    for action, number in (("cancel", 2), ("retry", 2), ("delete", 3)):
        dry = await post(world, "ann", f"{ROUTE}?dryRun=true", action=action, filter={})
        assert dry.json() == {"matched": number, "types": {"Copy": number}}
    none = await post(
        world, "ann", f"{ROUTE}?dryRun=true", action="cancel", filter={"status": "Failed"}
    )
    assert none.json() == {"matched": 0, "types": {}}
    assert len(statuses(manager, "ann")) == 5
    deleted = await post(
        world, "ann", action="delete", filter={"status": "Failed,Running"}, expected=1
    )
    assert deleted.json() == done(1)
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
    assert (await post(world, "ann", expected=1, **body)).json() == done(1)
    assert {item.created_before.isoformat() for item in wanted} == {"2026-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(("expected", "status"), [(90, 409), (91, 200), (111, 200), (112, 409)])
async def test_a_number_that_is_far_off_changes_nothing(
    world: Any, manager: Any, expected: int, status: int
) -> None:
    for _ in range(100):
        manager.add(owner="ann")
    answer = await post(world, "ann", action="cancel", filter={}, expected=expected)
    assert answer.status_code == status
    asked = [info.cancel_requested for info in manager.tasks.values()]
    assert asked == [status == 200] * 100
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
    answer = await post(world, "ann", action="cancel", filter={}, expected=4)
    assert answer.json() == done(4, done=2, notAllowed=1)
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
    answer = await post(world, "ann", action="retry", filter={}, expected=2)
    assert answer.json() == done(2, done=1, gone=1)


async def test_one_request_changes_a_bounded_number(world: Any, manager: Any) -> None:
    for _ in range(10_050):
        manager.add(status="Failed", owner="ann")
    answer = await post(world, "ann", action="delete", filter={}, expected=10_000)
    assert answer.json() == done(10_050, done=10_000, more=True)
    rest = await post(world, "ann", action="delete", filter={}, expected=50)
    assert (rest.json(), manager.tasks) == (done(50), {})


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
    answer = await post(world, "ann", action="cancel", filter={"owner": [None]}, expected=1)
    assert answer.json() == done(1)


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
