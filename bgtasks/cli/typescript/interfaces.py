"""An interface in TypeScript, and the comment of what is declared."""

import inspect
import json
import re
from collections.abc import Iterable

from attrs import frozen

__all__ = ["Field", "comment", "first_line", "interface"]


@frozen
class Field:
    """A field of an interface."""

    name: str
    type: str
    optional: bool = False
    doc: str | None = None


def interface(name: str, fields: Iterable[Field], doc: str | None) -> str:
    """The declaration of an interface; ``doc`` is said above it."""
    lines = []
    for field in fields:
        if field.doc:
            lines.append(f"  /** {field.doc} */")
        key = (
            field.name if re.fullmatch(r"[A-Za-z_$][\w$]*", field.name) else json.dumps(field.name)
        )
        lines.append(f"  {key}{'?' if field.optional else ''}: {field.type};")
    body = "\n".join(["{", *lines, "}"]) if lines else "{}"
    return f"{comment(doc)}export interface {name} {body}\n"


def comment(line: str | None) -> str:
    """``line`` as a comment above a declaration; nothing where there is none."""
    return f"/** {line} */\n" if line else ""


def first_line(cls: type) -> str | None:
    """The first line of the docstring that somebody wrote for ``cls``."""
    text = cls.__dict__.get("__doc__") or ""
    made_up = text.startswith(f"{cls.__name__}(")  # made by dataclass
    line = "" if made_up else inspect.cleandoc(text).partition("\n")[0].strip()
    return line.replace("*/", "* /") or None
