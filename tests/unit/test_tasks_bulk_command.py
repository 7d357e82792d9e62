"""``tasks cancel|retry|delete`` by a filter, and ``tasks run-again``, in both ways."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from bgtasks import BackgroundTaskManager, TaskFilter, background_task
from bgtasks import BackgroundTaskStatus as Status
from bgtasks.cli import main
from bgtasks.cli.tasks.changes import change_matching, delete_tasks, run_again
from bgtasks.cli.tasks.client import TaskClient
from bgtasks.cli.tasks.manager_tasks import ManagerTasks
from bgtasks.cli.tasks.screen import Screen
from bgtasks.cli.usage import CommandFailedError
from tests.hosts.scripted import OtherWork, Work, container_of, done, running, worker_of

from .tasks_command_support import ID, answering, over_http

PROBLEM = {"content-type": "application/problem+json"}

Captured = pytest.CaptureFixture[str]


@pytest.fixture(params=["over HTTP", "through the database"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Any, TaskClient]]:
    container = container_of(
        background_task(Work, worker_of(done)), background_task(OtherWork, worker_of(done))
    )
    async with running(container) as manager:
        if request.param == "over HTTP":
            async with over_http(container) as client:
                yield manager, client
        else:
            yield manager, ManagerTasks(manager)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> Screen:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return Screen()


async def waiting(manager: BackgroundTaskManager) -> list[UUID]:
    ids = await manager.run_tasks([Work() for _ in range(120)], owner="ann", delay=60)
    return [*ids, *await manager.run_tasks([OtherWork(), OtherWork()], delay=60)]


async def test_all_that_fit_are_changed(world: Any, screen: Screen, capsys: Captured) -> None:
    manager, client = world
    await waiting(manager)
    wanted = TaskFilter(owner=["ann", None])
    await change_matching(client, screen, "cancel", wanted, dry_run=True)
    assert capsys.readouterr().out == "OtherWork\t2\nWork\t120\n122 tasks would be asked to end\n"
    assert (await manager.count_tasks(status="Pending"))[Status.PENDING] == 122

    await manager.pause("Work")  # what runs again would end between the count and the change
    works = TaskFilter(type="Work", owner="ann")
    for action, said in (("cancel", "asked to end"), ("retry", "run again")):
        assert await change_matching(client, screen, action, works, dry_run=False)
        assert capsys.readouterr().out == f"120 of 120 tasks {said}\n"
    assert await change_matching(client, screen, "cancel", TaskFilter(), dry_run=False)
    assert await change_matching(client, screen, "delete", works, dry_run=False)
    assert capsys.readouterr().out.endswith("120 of 120 tasks deleted\n")
    assert await manager.count_types() == {"OtherWork": 2}


@pytest.mark.parametrize("dry_run", [True, False])
async def test_nothing_fits(world: Any, screen: Screen, capsys: Captured, dry_run: bool) -> None:
    _, client = world
    wanted = TaskFilter(status="Failed")
    assert await change_matching(client, screen, "cancel", wanted, dry_run=dry_run)
    assert capsys.readouterr().out.startswith("0 ")


async def test_a_task_runs_again_and_is_dropped(
    world: Any, screen: Screen, capsys: Captured
) -> None:
    manager, client = world
    first = await manager.run_task(Work(), owner="ann")
    await manager.wait_for(first, 10)
    assert await run_again(client, screen, [first])
    out = capsys.readouterr().out
    assert out.startswith(f"{first}: runs again as ")
    assert (await manager.wait_for(UUID(out.split()[-1]), 10)).owner == "ann"
    assert await delete_tasks(client, screen, [first])
    assert not await delete_tasks(client, screen, [first])
    shown = capsys.readouterr()
    assert shown.out == f"{first}: deleted\n"
    assert "there is no task" in shown.err


def progress(status: str = "Completed", **more: Any) -> dict[str, Any]:
    numbers = {"matched": 12, "done": 12, "notAllowed": 0, "gone": 0, "refused": []}
    times = {"startedAt": "2026-01-01T00:00:00Z", "endedAt": None, "error": None}
    return {"id": str(ID), "action": "retry", "status": status} | numbers | times | more


async def test_a_job_is_begun_and_looked_at_until_it_is_over(
    screen: Screen, capsys: Captured
) -> None:
    answers = [
        httpx.Response(200, json={"matched": 12, "types": {"Work": 12}, "owners": None}),
        httpx.Response(202, json={"id": str(ID), "matched": 12}),
        httpx.Response(404, json={"detail": "no bulk job"}, headers=PROBLEM),  # another process
        httpx.Response(200, json=progress("Running", done=5)),
        httpx.Response(200, json=progress(done=7, notAllowed=3, gone=2)),
    ]
    sent: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answers.pop(0)

    async with answering(respond, look=0) as client:
        wanted = TaskFilter(type="Work")
        assert not await change_matching(client, screen, "retry", wanted, dry_run=False)
    assert capsys.readouterr().out == "7 of 12 tasks run again; 3 not allowed; 2 had moved on\n"
    assert sent[1].content.replace(b" ", b"") == (
        b'{"action":"retry","filter":{"type":["Work"]},"expected":12}'
    )
    assert {request.url.path for request in sent[2:]} == {f"/background-tasks/api/tasks/bulk/{ID}"}


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (progress("Failed", error="the store of tasks is not available"), "then: the store of"),
        (progress("Cancelled"), "then: it was ended"),
    ],
)
async def test_why_a_job_left_the_rest_is_told(
    screen: Screen, capsys: Captured, last: Any, said: str
) -> None:
    answers = [{"types": {"Work": 12}}, {"id": str(ID), "matched": 12}, last]
    async with answering(lambda _: httpx.Response(200, json=answers.pop(0))) as client:
        assert not await change_matching(client, screen, "retry", TaskFilter(), dry_run=False)
    assert said in capsys.readouterr().out


async def test_a_number_that_has_changed_meanwhile_fails(screen: Screen) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.query:
            return httpx.Response(200, json={"matched": 12, "types": {"Work": 12}})
        return httpx.Response(409, json={"detail": "50 tasks match"}, headers=PROBLEM)

    async with answering(respond) as client:
        with pytest.raises(CommandFailedError, match="0 asked to end: 50 tasks match"):
            await change_matching(client, screen, "cancel", TaskFilter(), dry_run=False)


@pytest.mark.parametrize("body", [{}, [], {"types": 7}, {"types": {"Work": "x"}}])
async def test_an_answer_that_is_none_is_refused(screen: Screen, body: Any) -> None:
    async with answering(lambda _: httpx.Response(200, json=body)) as client:
        with pytest.raises(CommandFailedError, match="the answer is not a number of tasks"):
            await change_matching(client, screen, "cancel", TaskFilter(), dry_run=True)


@pytest.mark.parametrize("action", ["cancel", "retry", "delete"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which tasks?"),
        (["--dry-run"], "which tasks?"),
        ([str(ID), "--type", "Copy"], "give one of them"),
        ([str(ID), "--dry-run"], "give one of them"),
    ],
)
def test_it_must_be_said_which_tasks(
    action: str, arguments: list[str], said: str, capsys: Captured
) -> None:
    assert main(["tasks", action, "--url", "http://127.0.0.1:1", *arguments]) == 2
    assert said in capsys.readouterr().err
