"""Names that are imported when they are first used."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["lazy_callable", "lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of ``package`` (PEP 562), whose names are defined in the
    modules ``homes`` below it.

    The package lists the same names in ``__all__`` and imports them under ``TYPE_CHECKING``; it
    hides what it gets here from type checkers, which would take any name for one of its own.
    """
    home_of = {name: f"{package}.{home}" for home, names in homes.items() for name in names}
    namespace = vars(sys.modules[package])

    def get(name: str) -> object:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = namespace[name] = getattr(import_module(home), name)
        return value

    def names() -> list[str]:
        special = (name for name in namespace if name.startswith("__"))
        return sorted({*special, *home_of})

    return get, names


def lazy_callable(module: str, name: str) -> Callable[..., Any]:
    """Calls ``name`` of ``module``, which is imported at the first call."""

    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(import_module(module), name)(*arguments, **options)

    call.__name__ = call.__qualname__ = name
    return call
