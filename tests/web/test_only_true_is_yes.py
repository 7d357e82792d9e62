"""A policy, or a user object, that answers with anything but ``True`` lets nobody in."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from bgtasks import Attempt, BackgroundTaskPolicy
from bgtasks.web.policy import is_set_of_owners

# FAULTS 30.


class Truthy:
    """Neither ``True`` nor ``False``."""


async def coroutine_of_true() -> bool:
    return True


ANSWERS = {
    "coroutine": coroutine_of_true,
    "function": lambda: coroutine_of_true,
    "one": lambda: 1,
    "text": lambda: "no",
    "list": lambda: [False],
    "object": Truthy,
    "mock": lambda: SimpleNamespace(allowed=False),
    "none": lambda: None,
    "nothing": lambda: "",
}


def answering(question: str, answer: Any, **methods: Any) -> BackgroundTaskPolicy:
    """A policy whose ``question`` returns what ``answer()`` does; everything else is allowed."""

    async def yes(*arguments: Any) -> bool:
        return True

    async def said(*arguments: Any) -> Any:
        return answer()

    body = {"can_connect": yes, "can_view": yes, question: said, **methods}
    body = {name: staticmethod(method) for name, method in body.items()}
    policy: BackgroundTaskPolicy = type("Policy", (BackgroundTaskPolicy,), body)()
    return policy


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_can_connect_lets_nobody_in_without_true(
    make_world: Any, manager: Any, caplog: Any, answer: Any
) -> None:
    world = await make_world(policy=answering("can_connect", answer))
    manager.add()
    async with world.http() as http:
        for path in ("/api/tasks", "/api/tasks/events"):
            assert (await http.get(path)).status_code == 403
    socket = await world.socket()
    assert (await socket.join()).startswith("44")
    assert "Policy.can_connect returned a" in caplog.text
    assert "accepted: True or False" in caplog.text


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_can_view_shows_nothing_without_true(
    make_world: Any, manager: Any, caplog: Any, answer: Any
) -> None:
    world = await make_world(policy=answering("can_view", answer))
    info = manager.add()
    async with world.http() as http:
        assert (await http.get("/api/tasks")).json()["items"] == []
        assert (await http.get(f"/api/tasks/{info.id}")).status_code == 404
        assert (await http.get(f"/api/tasks/{info.id}/attempts")).status_code == 404
        assert (await http.delete(f"/api/tasks/{info.id}")).status_code == 404
    socket = await world.joined()
    manager.publish(info, progress=1.0)
    await world.settled()
    assert socket.from_app.empty()
    assert (await socket.call("Subscribe"))["tasks"] == []
    assert "Policy.can_view returned a" in caplog.text


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize(("question", "event"), [("can_cancel", "Cancel"), ("can_retry", "Retry")])
async def test_nothing_is_cancelled_or_retried_without_true(
    make_world: Any, manager: Any, answer: Any, question: str, event: str
) -> None:
    world = await make_world(policy=answering(question, answer))
    info = manager.add(status="Running" if event == "Cancel" else "Failed")
    async with world.http() as http:
        permissions = (await http.get(f"/api/tasks/{info.id}/permissions")).json()
        assert permissions[event.lower()] is False
        if event == "Cancel":
            assert (await http.delete(f"/api/tasks/{info.id}")).status_code == 403
        else:
            assert (await http.post(f"/api/tasks/{info.id}/retry")).status_code == 403
    socket = await world.joined()
    await socket.update()
    assert (await socket.call(f"{event}Task", {"id": str(info.id)}))["ok"] is False
    assert manager.tasks[info.id] == info


async def test_a_plain_method_may_answer_too(make_world: Any, manager: Any) -> None:
    class Plain(BackgroundTaskPolicy):
        def can_connect(self, requester: Any) -> Any:
            return True

        def can_view(self, requester: Any, task: Any) -> Any:
            return coroutine_of_true()

    world = await make_world(policy=Plain())
    manager.add()
    async with world.http(client=("10.0.0.1", 1)) as http:
        assert len((await http.get("/api/tasks")).json()["items"]) == 1


@pytest.mark.parametrize(
    "owners",
    ["ann and bob", ["ann"], ("ann",), {"ann": 1}, True, False, 0, b"ann", {1}, {b"ann"}],
    ids=str,
)
async def test_visible_owners_other_than_a_set_show_nothing(
    make_world: Any, manager: Any, caplog: Any, owners: Any
) -> None:
    class Policy(BackgroundTaskPolicy):
        async def can_connect(self, requester: Any) -> bool:
            return True

        async def visible_owners(self, requester: Any) -> Any:
            return owners

    world = await make_world(policy=Policy())
    for owner in ("ann", "bob", "an", None):
        manager.add(owner=owner)
    async with world.http() as http:
        assert (await http.get("/api/tasks")).json()["items"] == []
        for task_id in manager.tasks:
            assert (await http.get(f"/api/tasks/{task_id}")).status_code == 404
    assert "Policy.visible_owners returned a" in caplog.text


async def test_a_set_of_owners_may_be_any_set() -> None:
    assert is_set_of_owners({"ann", None})
    assert is_set_of_owners(frozenset())
    assert is_set_of_owners({"ann": 1}.keys())


@pytest.mark.parametrize(
    "logged_in", [lambda: True, 1, "yes", [True]], ids=["function", "one", "text", "list"]
)
async def test_a_user_is_logged_in_only_when_is_authenticated_is_true(
    make_world: Any, manager: Any, logged_in: Any
) -> None:
    user = SimpleNamespace(is_authenticated=logged_in, identity="ann")

    def with_user(app: Any) -> Any:
        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "user": user}, receive, send)

        return wrapped

    world = await make_world(wrap=with_user)
    async with world.http() as http:
        assert (await http.get("/api/tasks")).status_code == 403
    socket = await world.socket()
    assert (await socket.join()).startswith("44")


async def test_a_user_whose_is_authenticated_is_a_method_is_not_logged_in(make_world: Any) -> None:
    class User:
        identity = "ann"

        def is_authenticated(self) -> bool:
            return True

    def with_user(app: Any) -> Any:
        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "user": User()}, receive, send)

        return wrapped

    world = await make_world(wrap=with_user)
    async with world.http() as http:
        assert (await http.get("/api/tasks")).status_code == 403


@pytest.fixture
def failed(manager: Any) -> Any:
    info = manager.add(status="Failed", owner="ann")
    traceback = 'File "/srv/app/secret.py"'
    manager.attempts[info.id] = [Attempt(attempt=1, outcome="failed", traceback=traceback)]
    return info


async def tracebacks(world: Any, info: Any, **options: Any) -> Any:
    async with world.http(**options) as http:
        answer = await http.get(f"/api/tasks/{info.id}/attempts")
    assert answer.status_code == 200
    return [item["traceback"] for item in answer.json()["items"]]


async def test_tracebacks_are_shown_to_a_developer(world: Any, failed: Any) -> None:
    assert await tracebacks(world, failed) == ['File "/srv/app/secret.py"']


async def test_tracebacks_are_not_shown_to_users(
    make_world: Any, failed: Any, user_header: Any
) -> None:
    world = await make_world(wrap=user_header)
    assert await tracebacks(world, failed, headers={"x-user": "ann"}) == [None]


async def test_tracebacks_are_shown_to_whom_the_policy_shows_them(
    make_world: Any, failed: Any, user_header: Any
) -> None:
    class Operators(BackgroundTaskPolicy):
        async def can_view_errors(self, requester: Any, task: Any) -> bool:
            return bool(requester.identity == "ann")

    world = await make_world(wrap=user_header, policy=Operators())
    assert await tracebacks(world, failed, headers={"x-user": "ann"}) != [None]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_tracebacks_are_not_shown_without_true(
    make_world: Any, failed: Any, answer: Any
) -> None:
    world = await make_world(policy=answering("can_view_errors", answer))
    assert await tracebacks(world, failed) == [None]


async def test_an_id_that_is_used_again_by_somebody_else_is_asked_about_again(
    make_world: Any, manager: Any, user_header: Any, clock: Any
) -> None:
    world = await make_world(wrap=user_header)
    ann = await world.joined(headers=[("x-user", "ann")])
    info = manager.publish(manager.add(owner="ann"))
    assert (await ann.update())["owner"] == "ann"
    del manager.tasks[info.id]
    clock.advance(1)
    manager.publish(manager.add(id=info.id, owner="bob", created_at=clock.now()))
    last = manager.publish(manager.add(owner="ann"))
    assert [u["owner"] for u in await ann.updates_until(last)] == ["ann"]


HEADERS = {"x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/tasks"),
        ("GET", "/api/tasks?limit=0"),
        ("GET", "/api/tasks/nope"),
        ("DELETE", "/api/tasks/0193a4e0-0000-7000-8000-000000000000"),
        ("PUT", "/api/tasks"),
        ("HEAD", "/api/tasks/events"),
        ("GET", "/api/health"),
        ("GET", "/api/nothing"),
        ("GET", "/api/tasks?" + "x" * 9000),
        ("GET", "/"),
        ("GET", "/socket.io/"),
    ],
)
async def test_no_answer_can_be_taken_for_a_script_or_loaded_by_another_site(
    world: Any, manager: Any, method: str, path: str
) -> None:
    async with world.http() as http:
        answer = await http.request(method, path)
    assert HEADERS.items() <= dict(answer.headers).items()


async def test_also_errors_and_answers_to_who_is_not_let_in_have_those_headers(
    world: Any, manager: Any, caplog: Any
) -> None:
    async with world.http(client=("10.0.0.1", 1)) as http:
        assert HEADERS.items() <= dict((await http.get("/api/tasks")).headers).items()
    manager.fail = ZeroDivisionError()
    async with world.http() as http:
        answer = await http.get("/api/tasks")
        assert answer.status_code == 500
        assert HEADERS.items() <= dict(answer.headers).items()
        body = await http.request("GET", "/api/tasks", content=b"x" * 70_000)
        assert body.status_code == 413
        assert HEADERS.items() <= dict(body.headers).items()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-mode": "cors", "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-mode": "navigate", "sec-fetch-site": "none"}, 200),
        ({"sec-fetch-mode": "no-cors", "sec-fetch-site": "same-origin"}, 403),
        ({"sec-fetch-mode": "no-cors", "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-mode": "cors", "sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://localhost", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403),
    ],
)
async def test_an_event_stream_is_not_opened_by_a_page_that_cannot_read_it(
    make_world: Any, user_header: Any, headers: Any, status: int
) -> None:
    world = await make_world(wrap=user_header)
    async with world.http(headers={"x-user": "ann", **headers}) as http:
        assert (await http.head("/api/tasks/events")).status_code == status


@pytest.mark.parametrize("text", ["a\nb", "a\r\nINFO forged", "\x1b[31mred", "a\u2028b"])
async def test_what_a_client_writes_cannot_begin_a_line_of_the_log(
    world: Any, manager: Any, caplog: Any, text: str
) -> None:
    caplog.set_level(logging.DEBUG)
    socket = await world.joined({"types": ["Nothing"]})
    manager.fail = ZeroDivisionError()
    await socket.call("Subscribe", {"types": [text]})
    await socket.call(text, {})
    async with world.http() as http:
        await http.get(f"/api/tasks/{text!r}")
        await http.get("/api/tasks", params={"type": text})
        await http.get(f"/{text.encode().hex()}")
    for record in caplog.records:
        if record.name.startswith("bgtasks"):
            assert text not in record.getMessage()
