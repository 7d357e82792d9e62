"""Snapshots as JSON, and as the types of answers and requests in FastAPI and Pydantic."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID

import attrs
import httpx
import pydantic
import pytest
from attrs import frozen
from fastapi import FastAPI

from bgtasks import BackgroundTaskInfo, BackgroundTaskStatus
from bgtasks.core.codec import TaskCodec
from bgtasks.core.codec.json_schema import json_schema
from bgtasks.core.record import LEFT_OUT, TaskRecord, info_of

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ID = UUID("01930000-0000-7000-8000-000000000001")


@frozen
class Progress:
    copied_bytes: int
    current_path: Path | None = None


@dataclass
class Counted:
    rows_read: int


class Model(pydantic.BaseModel):
    inner: "Inner"


class Inner(pydantic.BaseModel):
    number: int


def make_info(payload: Any) -> BackgroundTaskInfo[Any]:
    return BackgroundTaskInfo(
        id=ID,
        type="CopyTask",
        name="Copy \u00fc",
        payload=payload,
        status=BackgroundTaskStatus.RUNNING,
        progress=42.0,
        status_message=None,
        error_message=None,
        created_at=TIME,
        started_at=TIME,
        completed_at=None,
        revision=7,
        attempt=1,
        cancel_requested=False,
        scheduled_at=None,
        owner="ada",
    )


async def asked(app: FastAPI, method: str, path: str, **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path, **options)


def test_a_snapshot_has_the_json_of_the_wire() -> None:
    data = json.loads(make_info(Progress(42, Path("/a"))).to_json())
    assert data["payload"] == {"copiedBytes": 42, "currentPath": "/a"}
    assert data["createdAt"] == "2026-01-02T03:04:05.678901Z"
    assert (data["status"], data["cancelRequested"], data["owner"]) == ("Running", False, "ada")


def test_its_json_is_one_line_of_ascii() -> None:
    text = make_info({"text": "\u00fc\n"}).to_json()
    assert text.isascii()
    assert "\n" not in text


def test_a_stored_payload_is_sent_as_it_is_stored() -> None:
    record = TaskRecord(ID, "CopyTask", "Copy", "{}", TIME, TIME, payload='{"copiedBytes":1,"x":2}')
    info = TaskCodec().info(record, Progress)
    assert json.loads(info.to_json())["payload"] == {"copiedBytes": 1, "x": 2}


def test_a_payload_that_was_left_out_is_said_to_be() -> None:
    info = info_of(TaskRecord(ID, "CopyTask", "Copy", "{}", TIME, TIME, payload=LEFT_OUT), None)
    data = json.loads(info.to_json())
    assert (data["payload"], data["payloadOmitted"]) == (None, True)
    again = pydantic.TypeAdapter(BackgroundTaskInfo[Progress]).validate_python(data)
    assert again.payload_omitted is True


@pytest.mark.parametrize(
    "payload",
    [
        Progress(1),
        Counted(2),
        Model(inner=Inner(number=3)),
        None,
    ],
)
async def test_fastapi_answers_with_the_wire_shape(payload: Any) -> None:
    app = FastAPI()
    info = make_info(payload)

    @app.get("/one", response_model=BackgroundTaskInfo[type(payload)])  # type: ignore[misc]
    async def one() -> Any:
        return info

    @app.get("/all")
    async def several() -> list[BackgroundTaskInfo[Any]]:
        return [info]

    @app.get("/perhaps")
    async def perhaps() -> BackgroundTaskInfo[Any] | None:
        return info

    wire = json.loads(info.to_json())
    assert (await asked(app, "GET", "/one")).json() == wire
    assert (await asked(app, "GET", "/all")).json() == [wire]
    assert (await asked(app, "GET", "/perhaps")).json() == wire


async def test_fastapi_documents_the_wire_shape() -> None:
    app = FastAPI()

    @app.get("/one")
    async def one() -> BackgroundTaskInfo[Progress]:
        raise NotImplementedError

    answer = (await asked(app, "GET", "/openapi.json")).json()["paths"]["/one"]["get"]["responses"]
    schema = answer["200"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == set(json.loads(make_info(None).to_json()))
    assert schema["properties"]["createdAt"] == {"type": "string", "format": "date-time"}
    assert schema["properties"]["status"]["enum"] == [item.value for item in BackgroundTaskStatus]
    payload = schema["properties"]["payload"]["anyOf"][0]
    assert payload["properties"]["copiedBytes"] == {"type": "integer"}
    assert payload["required"] == ["copiedBytes", "currentPath"]


async def test_a_service_may_be_sent_a_snapshot() -> None:
    app = FastAPI()
    taken: list[BackgroundTaskInfo[Progress]] = []

    @app.post("/take")
    async def take(task: BackgroundTaskInfo[Progress]) -> None:
        taken.append(task)

    info = make_info(Progress(5, Path("/b")))
    answer = await asked(app, "POST", "/take", json=json.loads(info.to_json()))
    assert answer.status_code == 200
    assert taken == [info]
    cases: list[Any] = [{"id": 1}, [], "text", {**json.loads(info.to_json()), "status": "Lost"}]
    for wrong in cases:
        refused = await asked(app, "POST", "/take", json=wrong)
        assert refused.status_code == 422
        assert "expected a" in refused.text


def test_a_model_may_have_a_snapshot() -> None:
    class Order(pydantic.BaseModel):
        export: BackgroundTaskInfo[Progress]

    info = make_info(Progress(1))
    order = Order(export=info)
    assert json.loads(order.model_dump_json()) == {"export": json.loads(info.to_json())}
    assert Order.model_validate_json(order.model_dump_json()) == order


class Colour(Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: float


class Options(TypedDict, total=False):
    deep: bool


T = TypeVar("T")


@frozen
class Box(Generic[T]):
    item_in: T


@frozen
class Tree:
    children: Sequence["Tree"] = ()


SCHEMAS: list[tuple[Any, Any]] = [
    (Colour, {"enum": ["red"]}),
    (Literal["a", 1], {"enum": ["a", 1]}),
    (bool, {"type": "boolean"}),
    (datetime, {"type": "string", "format": "date-time"}),
    (list[int], {"type": "array", "items": {"type": "integer"}}),
    (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
    (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    (Any, {}),
    (object, {}),
]


@pytest.mark.parametrize(("hint", "schema"), SCHEMAS)
def test_types_have_the_schema_of_what_is_sent(hint: Any, schema: Any) -> None:
    assert json_schema(hint) == schema


def test_classes_have_the_schema_of_what_is_sent() -> None:
    assert json_schema(Box[int])["properties"] == {"itemIn": {"type": "integer"}}
    assert json_schema(Box)["properties"] == {"itemIn": {}}
    assert json_schema(Options)["required"] == []
    assert json_schema(Point)["prefixItems"] == [{"type": "integer"}, {"type": "number"}]
    assert json_schema(Model)["properties"]["inner"]["properties"]["number"]["type"] == "integer"


def test_a_class_inside_itself_is_anything_there() -> None:
    assert json_schema(Tree)["properties"]["children"] == {"type": "array", "items": {}}


def test_every_field_of_a_snapshot_is_documented() -> None:
    schema = json_schema(BackgroundTaskInfo[Progress])
    assert len(schema["properties"]) == len(attrs.fields(BackgroundTaskInfo))
