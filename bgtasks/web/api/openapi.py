"""The OpenAPI document of the HTTP API (https://spec.openapis.org/oas/v3.1.1.html)."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import frozen

from bgtasks.core.codec.json_schema import json_schema
from bgtasks.core.hints import closed
from bgtasks.models import BackgroundTaskInfo, ProcessInfo, ScheduleInfo
from bgtasks.registration import Registration
from bgtasks.version import __version__
from bgtasks.web.api.operation import Items, Operation, Parameter
from bgtasks.web.encoded_process import process_schema
from bgtasks.web.encoded_schedule import schedule_schema
from bgtasks.web.problems import title_of

__all__ = ["Described", "openapi_document"]

Schema = dict[str, Any]

_OTHER = "OtherTask"

_PROBLEM: Schema = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong, for people (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "existing": {
            "type": "string",
            "format": "uuid",
            "description": "the task that holds the key; left out where there is none",
        },
    },
    "required": ["type", "title", "status", "detail", "instance"],
}

_IN_PATH: Mapping[str, Schema] = {"id": {"type": "string", "format": "uuid"}}
"""The parameters of paths that are more than a text."""


@frozen
class Described:
    """Where an operation is found."""

    path: str
    method: str
    operation: Operation


def openapi_document(
    endpoints: Iterable[Described],
    registrations: Iterable[Registration],
    *,
    server: str,
) -> Schema:
    """The document as JSON data. ``server`` is where the API is mounted: a path or a URL."""
    components = _Components(registrations)
    paths: dict[str, Schema] = {}
    for endpoint in endpoints:
        written = _operation(endpoint, components)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = written
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Background tasks",
            "version": __version__,
            "description": "List, follow and change background tasks. Who may do what is decided "
            "by the application's policy.",
        },
        "servers": [{"url": server.rstrip("/") or "/"}],
        "paths": paths,
        "components": {"schemas": components.schemas},
    }


class _Components:
    """The schemas that operations refer to, by name."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self.schemas: dict[str, Schema] = {"Problem": _PROBLEM}
        self._special: dict[type, Callable[[], Schema]] = {
            ProcessInfo: process_schema,
            ScheduleInfo: schedule_schema,
        }
        self._add_tasks({item.type_name: item for item in registrations})

    def _add_tasks(self, by_type: Mapping[str, Registration]) -> None:
        self.schemas["Task"] = {}  # its place, and its name
        mapping: dict[str, str] = {}
        for type_name, registration in sorted(by_type.items()):
            mapping[type_name] = self._add(_identifier(type_name), _task_schema(registration))
        other = _other_task(list(by_type))
        refs = [*mapping.values(), self._add(_OTHER, other)]
        self.schemas["Task"] = {
            "title": "Task",
            "oneOf": [{"$ref": ref} for ref in refs],
        }

    def _add(self, wanted: str, schema: Schema) -> str:
        name, number = wanted, 2
        while name in self.schemas:
            name, number = f"{wanted}_{number}", number + 1
        self.schemas[name] = schema
        return f"#/components/schemas/{name}"

    def schema(self, answer: type | Items | Schema) -> Schema:
        """The schema of an answer; that of a class is a reference."""
        if isinstance(answer, Items):
            return self._items(answer)
        return self._of_class(answer) if isinstance(answer, type) else answer

    def _of_class(self, cls: type) -> Schema:
        name = "Task" if cls is BackgroundTaskInfo else cls.__name__
        if name not in self.schemas:
            self.schemas[name] = self._special.get(cls, lambda: json_schema(cls))()
        return {"$ref": f"#/components/schemas/{name}"}

    def _items(self, answer: Items) -> Schema:
        properties: Schema = {"items": {"type": "array", "items": self._of_class(answer.of)}}
        if answer.paged:
            properties["nextCursor"] = {"type": ["string", "null"]}
        required = list(properties)
        return {
            "type": "object",
            "properties": properties | answer.more,
            "required": required,
        }


def _task_schema(registration: Registration) -> Schema:
    """The snapshot of a task of one type. Its payload and its result may be ``null``."""
    payload, result = (
        Any if hint is None and unknown else closed(hint)
        for hint, unknown in (
            (registration.payload_type, True),  # None: not known
            (registration.result_type, False),  # None: there is none
        )
    )
    schema = _snapshot(payload, result)
    schema["title"] = registration.type_name
    schema["properties"]["type"] = {"type": "string", "const": registration.type_name}
    if doc := (registration.task_type.__doc__ or "").strip():
        schema["description"] = doc.splitlines()[0]
    return schema


def _other_task(registered: list[str]) -> Schema:
    schema = _snapshot(Any, Any)
    schema["title"] = _OTHER
    schema["description"] = "A task of a type that is not registered in this process."
    schema["properties"]["type"] = {"type": "string", "not": {"enum": registered}}
    return schema


def _snapshot(payload: Any, result: Any) -> Schema:
    schema = json_schema(BackgroundTaskInfo[payload, result])
    schema["properties"]["payloadOmitted"] = {
        "const": True,
        "description": "a large payload or result is left out here; otherwise it is absent",
    }
    return schema


def _operation(endpoint: Described, components: _Components) -> Schema:
    operation = endpoint.operation
    written: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [endpoint.path.split("/")[2]],
        "parameters": [*_path_parameters(endpoint.path), *map(_parameter, operation.parameters)],
        "responses": _responses(operation, components),
    }
    if operation.body is not None:
        content = {"application/json": {"schema": operation.body}}
        written["requestBody"] = {"required": True, "content": content}
    return written


def _path_parameters(path: str) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True}
        | {"schema": _IN_PATH.get(name, {"type": "string"})}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _parameter(parameter: Parameter) -> Schema:
    schema = parameter.schema
    if parameter.prefix:
        pattern = f"^{re.escape(parameter.name)}"
        schema = {"type": "object", "patternProperties": {pattern: schema}}
    elif parameter.repeated:
        schema = {"type": "array", "items": schema}
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.text,
        "schema": schema,
    }


def _responses(operation: Operation, components: _Components) -> Schema:
    well = _response(
        title_of(operation.status), operation.media_type, components.schema(operation.answer)
    )
    others = {
        str(status): _response(text, operation.media_type, schema)
        for status, (text, schema) in operation.others.items()
    }
    problems = {str(status): _problem(status) for status in sorted(operation.problems)}
    return {str(operation.status): well, **others, **problems}


def _problem(status: int) -> Schema:
    schema = {"$ref": "#/components/schemas/Problem"}
    written = _response(title_of(status), "application/problem+json", schema)
    if status == 503:
        text = "seconds after which to ask again"
        written["headers"] = {
            "Retry-After": {"description": text, "schema": {"type": "integer"}},
        }
    return written


def _response(description: str, media_type: str, schema: Schema) -> Schema:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _identifier(type_name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", type_name)
