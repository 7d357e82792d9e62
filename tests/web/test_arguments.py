"""Arguments of tasks are for operators: whom the policy does not let gets to know nothing of
them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTaskPolicy,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    background_task,
)


@frozen(kw_only=True)
class Copy(BackgroundTaskBase):
    """A task."""

    share_name: str
    size: int = 3


class CopyWorker(BackgroundWorker[Copy, Any]):
    """Reports what it was given."""

    async def execute(self, context: BackgroundWorkerContext[Copy, Any]) -> None:
        context.set_payload(f"{context.task.share_name} {context.task.size}")


class Blind(BackgroundTaskPolicy):
    """Lets see everything but arguments."""

    async def can_see_arguments(self, requester: Any) -> bool:
        return False


@asynccontextmanager
async def serving(policy: BackgroundTaskPolicy | None = None) -> AsyncIterator[Any]:
    """A manager with one task that has ended, and a client."""
    registration = background_task(Copy, providers.Factory(CopyWorker), timeout="1 m")
    container: Any = BackgroundTasksContainer(tasks=providers.List(registration))
    container.config.from_dict({"database": ":memory:"})
    if policy is not None:
        container.policy.override(providers.Object(policy))
    transport = httpx.ASGITransport(container.asgi_app(), client=("127.0.0.1", 5))
    async with (
        container.manager() as manager,
        httpx.AsyncClient(transport=transport, base_url="http://localhost/api") as http,
    ):
        task_id = await manager.run_task(Copy(share_name="photos"), priority=7)
        await manager.wait_for(task_id, 10)
        yield manager, http, task_id


async def test_a_developer_sees_them_alone_and_in_lists_and_may_search_them() -> None:
    async with serving() as (manager, http, task_id):
        one = (await http.get(f"/tasks/{task_id}")).json()
        details = await manager.try_get_details(task_id)
        for query in ("q=photos", "q=PHOTO", "args.shareName=photos", "args.size=3"):
            (item,) = (await http.get(f"/tasks?include=arguments&{query}")).json()["items"]
            assert (item["arguments"], item["payload"]) == (details.arguments, None), query
        for query in ("q=shareName", "args.shareName=Photos", "args.size=4"):
            assert (await http.get(f"/tasks?{query}")).json()["items"] == [], query
        both = (await http.get("/tasks?include=payload,arguments")).json()["items"][0]
        counts = (await http.get("/tasks/counts?args.size=3")).json()
    assert details.arguments == {"shareName": "photos", "size": 3}
    expected = {"arguments": details.arguments, "priority": 7, "maxAttempts": 1, "timeout": 60.0}
    assert {name: one[name] for name in expected} == expected
    assert one["changedAt"] >= one["completedAt"]
    assert (both["payload"], both["arguments"]) == ("photos 3", details.arguments)
    assert counts["Completed"] == 1


async def test_who_may_not_see_them_learns_nothing_of_them() -> None:
    async with serving(Blind()) as (_, http, task_id):
        one = (await http.get(f"/tasks/{task_id}")).json()
        assert not {"arguments", "priority", "changedAt", "maxAttempts", "timeout"} & one.keys()
        assert (await http.get("/tasks?q=photos")).json()["items"] == []
        assert (await http.get("/tasks/counts?q=photos")).json()["Completed"] == 0
        assert len((await http.get("/tasks?q=copy")).json()["items"]) == 1
        for query in (
            "/tasks?include=arguments",
            "/tasks?args.size=3",
            "/tasks/counts?args.size=3",
        ):
            answer = await http.get(query)
            assert (answer.status_code, "photos" in answer.text) == (403, False), query
        bulk = {"action": "delete", "filter": {"args.size": "3"}}
        assert (await http.post("/tasks/bulk?dryRun=true", json=bulk)).status_code == 403
        changed = await http.post(f"/tasks/{task_id}/run-again", json={"arguments": {"size": 5}})
        assert changed.status_code == 403
        assert (await http.post(f"/tasks/{task_id}/run-again")).status_code == 202


async def test_a_task_runs_again_with_other_arguments() -> None:
    async with serving() as (manager, http, task_id):
        answer = await http.post(f"/tasks/{task_id}/run-again", json={"arguments": {"size": 5}})
        again = await manager.wait_for(answer_id(answer), 10)
        details = await manager.try_get_details(again.id)
    assert answer.status_code == 202
    assert again.id != task_id
    assert again.payload == "photos 5"
    assert (details.arguments, details.priority) == ({"shareName": "photos", "size": 5}, 7)


def answer_id(answer: Any) -> Any:
    """The id of the task that was answered."""
    return UUID(answer.json()["id"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"arguments": {"sizes": 5}}, "Copy has no argument 'sizes'; accepted: shareName, size"),
        ({"arguments": {"id": "x"}}, "Copy has no argument 'id'"),
        ({"arguments": {"size": "many"}}, "the changed arguments cannot be used: "),
        ({"arguments": 5}, "arguments is 5; accepted: an object"),
        ({"argument": {}}, "the body has an unknown field 'argument'; accepted: arguments"),
        ([], "the body is []; accepted: an object with arguments"),
    ],
)
async def test_arguments_that_make_no_such_task_are_refused(body: Any, said: str) -> None:
    async with serving() as (_, http, task_id):
        answer = await http.post(f"/tasks/{task_id}/run-again", json=body)
        assert answer.status_code == 400
        assert said in answer.json()["detail"]
        assert len((await http.get("/tasks")).json()["items"]) == 1
