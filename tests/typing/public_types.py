"""Says which public types pyright does not know for sure: it would show users something else.

    pyright --outputjson --ignoreexternal --verifytypes bgtasks > report.json
    python tests/typing/public_types.py < report.json

Pyright counts each module as public that has no underscore. Here only that counts which users
import: the names in ``__all__`` of the modules below, and what is public of them.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

import bgtasks.contrib

MODULES = [
    "bgtasks",
    "bgtasks.testing",
    "bgtasks.hooks",
    *(f"bgtasks.contrib.{it.name}" for it in pkgutil.iter_modules(bgtasks.contrib.__path__)),
]


def public_names() -> Iterator[str]:
    """Where each public name is imported from, and where it is defined."""
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            yield f"{module.__name__}.{name}"
            value = getattr(module, name)
            home = getattr(value, "__module__", None) or ""
            if home.startswith("bgtasks"):
                yield f"{home}.{getattr(value, '__qualname__', name)}"


def unsure(symbols: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each public symbol whose type is not known, or not to every type checker."""
    names = tuple(sorted(set(public_names())))
    of_names = tuple(f"{name}." for name in names)
    for symbol in symbols:
        name = symbol["name"]
        is_sure = symbol["isTypeKnown"] and not symbol["isTypeAmbiguous"]
        if not is_sure and (name in names or name.startswith(of_names)):
            why = [" ".join(it["message"].split()) for it in symbol["diagnostics"]]
            yield f"{name}: {'; '.join(why) or 'a type that it uses is not known'}"


def main() -> int:
    """Read pyright's report from standard input; 1 if it names a public type."""
    report = json.load(sys.stdin)["typeCompleteness"]
    if report.get("pyTypedPath") is None or len(report["symbols"]) < len(set(public_names())):
        print("pyright has not found the package: run it where bgtasks is installed from its wheel")
        return 1
    found = list(unsure(report["symbols"]))
    print("\n".join(found) or f"pyright knows all public types: {len(set(public_names()))} names")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
