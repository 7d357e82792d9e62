"""JSON Schema as TypeScript, for classes whose shape another library describes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["schema_properties", "schema_type"]

Schema = Mapping[str, Any]

_SIMPLE = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
}


def schema_properties(schema: Schema, name: str) -> dict[str, str] | None:
    """The properties of an object's schema and their types; ``None`` for what is no object.
    ``name`` is the object's name in TypeScript."""
    definitions = schema.get("$defs", {})
    own = _resolved(schema, definitions)
    if own.get("type") != "object" or ("properties" not in own and "additionalProperties" in own):
        return None
    # A class that contains itself is a definition too.
    itself = {schema["$ref"].rsplit("/", 1)[-1]: name} if "$ref" in schema else {}
    return _properties(own, definitions, itself)


def schema_type(schema: Schema, definitions: Schema, known: Mapping[str, str | None]) -> str:
    """The TypeScript type of ``schema``. ``known`` has the names of definitions that are being
    written; a recursive one without a name in TypeScript is ``unknown``."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        if name in known:
            return known[name] or "unknown"
        return schema_type(definitions.get(name, {}), definitions, {**known, name: None})
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return _union(map(json.dumps, schema["enum"]))
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            types = [schema_type(item, definitions, known) for item in schema[several]]
            return _union(types) if several != "allOf" else " & ".join(types)
    return _of_kind(schema.get("type"), schema, definitions, known)


def _of_kind(
    kind: object, schema: Schema, definitions: Schema, known: Mapping[str, str | None]
) -> str:
    if kind == "array":
        if "prefixItems" in schema:
            items = [schema_type(item, definitions, known) for item in schema["prefixItems"]]
            return f"[{', '.join(items)}]"
        item = schema_type(schema.get("items", {}), definitions, known)
        return f"({item})[]" if " " in item else f"{item}[]"
    if kind == "object":
        if "properties" in schema:
            found = _properties(schema, definitions, known)
            return f"{{ {'; '.join(f'{json.dumps(k)}: {v}' for k, v in found.items())} }}"
        rest = schema.get("additionalProperties", {})
        value = schema_type(rest, definitions, known) if isinstance(rest, dict) else "unknown"
        return f"Record<string, {value}>"
    return _SIMPLE.get(str(kind), "unknown")


def _properties(
    schema: Schema, definitions: Schema, known: Mapping[str, str | None]
) -> dict[str, str]:
    return {
        key: schema_type(item, definitions, known)
        for key, item in schema.get("properties", {}).items()
        if not item.get("readOnly")  # computed, and not sent
    }


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _union(types: Iterable[str]) -> str:
    unique = dict.fromkeys(types)
    if "unknown" in unique:
        return "unknown"
    return " | ".join(sorted(unique, key=lambda item: item == "null"))
