"""The OpenAPI document: valid, whole, and true of what the application answers."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal
from uuid import UUID, uuid4

import httpx
import pytest
from attrs import frozen
from dependency_injector import providers
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Mount, Route

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Every,
    background_task,
    schedule,
)
from bgtasks.cli import main
from bgtasks.testing import FakeClock, running_manager

validation = pytest.importorskip("openapi_spec_validator")
schemas = pytest.importorskip("openapi_schema_validator")

PATIENCE = 20


class Card(BaseModel):
    kind: Literal["card"] = "card"
    last_digits: str


class Invoice(BaseModel):
    kind: Literal["invoice"] = "invoice"
    days: int


class Payment(BaseModel):
    by: Card | Invoice = Field(discriminator="kind")
    tree: "list[Payment]" = []


@frozen(kw_only=True)
class CopyTask(BackgroundTaskBase):
    """Copies something."""

    fail: bool = False


@frozen
class CopyProgress:
    copied_bytes: int


@frozen
class CopyReport:
    files: int


@frozen(kw_only=True)
class PayTask(BackgroundTaskBase):
    by: Payment


class CopyWorker(BackgroundWorker[CopyTask, CopyProgress, CopyReport]):
    async def execute(self, context: BackgroundWorkerContext[CopyTask, CopyProgress]) -> CopyReport:
        context.report_progress(50, payload=CopyProgress(7))
        if context.task.fail:
            raise ValueError("disk full")
        return CopyReport(files=1)


class PayWorker(BackgroundWorker[PayTask, Payment]):
    async def execute(self, context: BackgroundWorkerContext[PayTask, Payment]) -> None:
        context.set_payload(context.task.by)


def make_container() -> BackgroundTasksContainer:
    container = BackgroundTasksContainer(
        tasks=providers.List(
            background_task(CopyTask, providers.Factory(CopyWorker)),
            background_task(PayTask, providers.Factory(PayWorker), type_name="pay / online"),
        ),
        schedules=providers.List(
            schedule("nightly", Every(days=1), providers.Factory(CopyTask), paused=True)
        ),
    )
    container.config.from_dict({"database": ":memory:"})
    container.clock.override(FakeClock())
    return container


CONTAINER = make_container()


def document() -> Any:
    return make_container().asgi_app().openapi()


class Header(AuthenticationBackend):
    """Whoever names themselves is logged in."""

    async def authenticate(self, connection: Any) -> Any:
        name = connection.headers.get("x-user")
        return name and (AuthCredentials(), SimpleUser(name))


@asynccontextmanager
async def clients(*, login: bool = False) -> AsyncGenerator[tuple[Any, httpx.AsyncClient], None]:
    """A started manager, and a client of the API that checks each answer against the document."""
    container = make_container()
    async with running_manager(container, clock=container.clock()) as manager:
        app = Starlette(
            routes=[Mount("/background-tasks", app=container.asgi_app())],
            middleware=[Middleware(AuthenticationMiddleware, backend=Header())] if login else [],
        )
        async with client_of(app) as client:
            yield manager, client


def client_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50000))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost/background-tasks")


def check(answer: httpx.Response, path: str) -> Any:
    """Whether an answer is one that the document promises for ``path``."""
    written = document()
    operation = written["paths"][path][answer.request.method.lower()]
    promised = operation["responses"][str(answer.status_code)]["content"]
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = {**promised[media_type]["schema"], "components": written["components"]}
    schemas.OAS31Validator(schema).validate(answer.json())
    return answer.json()


def test_the_document_is_valid() -> None:
    validation.OpenAPIV31SpecValidator(document()).validate()


def test_every_route_of_the_api_is_in_it() -> None:
    routes = {
        (route.path, method.lower())
        for route in make_container().asgi_app().routes
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in (route.methods or set()) - {"HEAD"}
    }
    paths = document()["paths"]
    assert {(path, method) for path, found in paths.items() for method in found} == routes
    ids = [operation["operationId"] for found in paths.values() for operation in found.values()]
    assert len(ids) == len(set(ids))


def test_every_route_says_how_it_refuses() -> None:
    for path, found in document()["paths"].items():
        for operation in found.values():
            statuses = set(operation["responses"])
            assert path == "/api/health" or {"400", "403", "500", "503"} <= statuses
            if "{" in path and not path.endswith("/facets"):  # of no failure there are none
                assert "404" in statuses


def test_a_type_has_its_payload_and_its_result() -> None:
    task = document()["components"]["schemas"]["CopyTask"]
    assert task["description"] == "Copies something."
    assert task["properties"]["type"] == {"type": "string", "const": "CopyTask"}
    payload, null = task["properties"]["payload"]["anyOf"]
    assert payload["properties"] == {"copiedBytes": {"type": "integer"}}
    assert null == {"type": "null"}
    assert task["properties"]["result"]["anyOf"][0]["title"] == "CopyReport"


def test_definitions_of_pydantic_are_in_their_places() -> None:
    text = json.dumps(document())
    assert "$defs" not in text
    assert "lastDigits" not in text
    assert "last_digits" in text


async def test_tasks_are_as_the_document_says() -> None:
    async with clients() as (manager, client):
        done = await manager.run_task(CopyTask(), owner="ada")
        failed = await manager.run_task(CopyTask(fail=True))
        paid = await manager.run_task(PayTask(by=Payment(by=Card(last_digits="1234"))))
        for task_id in (done, failed, paid):
            await manager.wait_for(task_id, PATIENCE)
        listed = check(await client.get("/api/tasks?count=true&include=payload"), "/api/tasks")
        assert (len(listed["items"]), listed["total"]) == (3, 3)
        assert check(await client.get(f"/api/tasks/{done}"), "/api/tasks/{id}")["result"]
        for part in ("attempts", "permissions"):
            check(await client.get(f"/api/tasks/{failed}/{part}"), f"/api/tasks/{{id}}/{part}")
        check(await client.get("/api/tasks/counts"), "/api/tasks/counts")
        check(await client.post(f"/api/tasks/{failed}/retry"), "/api/tasks/{id}/retry")
        await manager.wait_for(failed, PATIENCE)
        again = await client.post(f"/api/tasks/{done}/run-again")
        check(again, "/api/tasks/{id}/run-again")
        await manager.wait_for(UUID(again.json()["id"]), PATIENCE)
        check(await client.delete(f"/api/tasks/{done}"), "/api/tasks/{id}")
        check(await client.post(f"/api/tasks/{done}/delete"), "/api/tasks/{id}/delete")


async def test_what_an_operator_asks_is_as_the_document_says() -> None:
    async with clients() as (manager, client):
        failed = await manager.run_task(CopyTask(fail=True))
        await manager.wait_for(failed, PATIENCE)
        for path in ("/api/me", "/api/stats", "/api/stats/history"):
            assert check(await client.get(path), path).keys() == documented(path).keys()
        for path in ("/api/types", "/api/processes", "/api/schedules"):
            (first, *_) = check(await client.get(path), path)["items"]
            assert first.keys() == documented(path, of_items=True).keys()
        log = await client.get(f"/api/tasks/{failed}/logs?after=0")
        assert check(log, "/api/tasks/{id}/logs").keys() == {"items", "first", "last"}


def documented(path: str, *, of_items: bool = False) -> Any:
    """What the answer of a ``GET`` has in it, by the document; ``of_items``: what each item has."""
    written = document()
    content = written["paths"][path]["get"]["responses"]["200"]["content"]
    schema = content["application/json"]["schema"]
    if of_items:
        schema = schema["properties"]["items"]["items"]
    if "$ref" in schema:
        schema = written["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema["properties"]


async def test_types_and_schedules_are_as_the_document_says() -> None:
    async with clients() as (_, client):
        for what in ("pause", "resume"):
            answer = await client.post(f"/api/types/CopyTask/{what}")
            check(answer, f"/api/types/{{type}}/{what}")
        for what in ("run", "pause", "resume"):
            answer = await client.post(f"/api/schedules/nightly/{what}")
            check(answer, f"/api/schedules/{{name}}/{what}")


async def test_bulk_is_as_the_document_says() -> None:
    async with clients() as (manager, client):
        await manager.wait_for(await manager.run_task(CopyTask(fail=True)), PATIENCE)
        body: Any = {"action": "retry", "filter": {"type": ["CopyTask"], "status": "Failed"}}
        asked = await client.post("/api/tasks/bulk?dryRun=true", json=body)
        check(asked, "/api/tasks/bulk")
        operation = document()["paths"]["/api/tasks/bulk"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        schemas.OAS31Validator(schema).validate(body)
        begun = await client.post("/api/tasks/bulk", json=body | {"expected": 1})
        job = check(begun, "/api/tasks/bulk")["id"]
        check(await client.get(f"/api/tasks/bulk/{job}"), "/api/tasks/bulk/{id}")
        check(await client.delete(f"/api/tasks/bulk/{job}"), "/api/tasks/bulk/{id}")
        check(await client.post("/api/tasks/bulk", json=body | {"expected": 99}), "/api/tasks/bulk")


async def test_refusals_are_as_the_document_says() -> None:
    async with clients(login=True) as (manager, client):
        task_id = await manager.run_task(CopyTask(), owner="ada")
        assert check(await client.get("/api/tasks"), "/api/tasks")["status"] == 403
        client.headers["x-user"] = "bob"
        hidden = check(await client.get(f"/api/tasks/{task_id}"), "/api/tasks/{id}")
        assert hidden["status"] == 404
        assert check(await client.get("/api/tasks?x=1"), "/api/tasks")["status"] == 400
        long = await client.get("/api/tasks", params={"cursor": "x" * 9000})
        assert check(long, "/api/tasks")["status"] == 414
        large = await client.post("/api/tasks/bulk", content=b" " * 70_000)
        assert check(large, "/api/tasks/bulk")["status"] == 413
        unknown = await client.post(f"/api/tasks/{uuid4()}/retry")
        assert check(unknown, "/api/tasks/{id}/retry")["status"] == 404
    stopped = await client_of_stopped()
    assert check(stopped, "/api/tasks")["status"] == 503


async def client_of_stopped() -> httpx.Response:
    app = Starlette(routes=[Mount("/background-tasks", app=make_container().asgi_app())])
    async with client_of(app) as client:
        check(await client.get("/api/health"), "/api/health")
        return await client.get("/api/tasks")


@pytest.mark.parametrize(
    "path", ["/api/tasks", "/api/tasks/counts", "/api/schedules", "/api/stats/history"]
)
async def test_parameters_are_those_that_are_accepted(path: str) -> None:
    names = [item["name"] for item in document()["paths"][path]["get"]["parameters"]]
    async with clients() as (_, client):
        detail = (await client.get(f"{path}?surely-unknown=1")).json()["detail"]
    accepted = detail.partition("accepted: ")[2].split(", ")
    assert sorted(names) == sorted(accepted)


async def test_whoever_may_connect_can_read_it() -> None:
    async with clients(login=True) as (_, client):
        assert (await client.get("/api/openapi.json")).status_code == 403
        answer = await client.get("/api/openapi.json", headers={"x-user": "bob"})
    assert check(answer, "/api/openapi.json") == document()


def test_it_is_mounted_where_one_says() -> None:
    app = make_container().asgi_app()
    assert app.openapi()["servers"] == [{"url": "/background-tasks"}]
    assert app.openapi("https://shop.example/tasks/")["servers"] == [
        {"url": "https://shop.example/tasks"}
    ]
    assert app.openapi("")["servers"] == [{"url": "/"}]


def test_it_is_printed_and_written(capsys: Any, tmp_path: Any) -> None:
    target = "tests.web.test_openapi:CONTAINER"
    assert main(["openapi", target]) == 0
    printed = json.loads(capsys.readouterr().out)
    validation.OpenAPIV31SpecValidator(printed).validate()
    file = tmp_path / "openapi.json"
    assert main(["openapi", target, "--mounted-at", "/t", "--output", str(file)]) == 0
    assert json.loads(file.read_text())["servers"] == [{"url": "/t"}]
    assert main(["openapi", target, "--output", str(tmp_path / "no" / "file")]) == 2
