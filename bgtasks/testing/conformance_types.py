"""The types of tasks that the conformance suite submits: one for each option that stores heed."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from bgtasks.core.limits import PerKey, Rate
from bgtasks.core.unique import Unique
from bgtasks.models import BackgroundTaskBase
from bgtasks.registration import Registration
from bgtasks.registry import Registry

__all__ = ["OtherTask", "QuickTask", "make_registry"]


@frozen(kw_only=True)
class QuickTask(BackgroundTaskBase):
    """Of a type without options."""


@frozen(kw_only=True)
class OtherTask(BackgroundTaskBase):
    """Of another type without options."""


@frozen(kw_only=True)
class LimitedTask(BackgroundTaskBase):
    """Of a type of which two may run at once."""


@frozen(kw_only=True)
class OnceTask(BackgroundTaskBase):
    """Of a type that is not run again after an interruption."""


@frozen(kw_only=True)
class RefusingTask(BackgroundTaskBase):
    """Of a type that refuses a task whose key is held."""


@frozen(kw_only=True)
class ReplacingTask(BackgroundTaskBase):
    """Of a type whose newest task replaces the waiting one with its key."""


@frozen(kw_only=True)
class RatedTask(BackgroundTaskBase):
    """Of a type of which ten may start in an hour, and four of them at once."""


@frozen(kw_only=True)
class KeyedTask(BackgroundTaskBase):
    """Of a type of which one may run for each key."""


@frozen(kw_only=True)
class PairedTask(BackgroundTaskBase):
    """Of a type of which two may run for each key."""


_TYPES: dict[str, tuple[type[BackgroundTaskBase], dict[str, Any]]] = {
    "Quick": (QuickTask, {}),
    "Other": (OtherTask, {}),
    "Limited": (LimitedTask, {"max_concurrency": 2}),
    "Once": (OnceTask, {"rerun_interrupted": False}),
    "Refusing": (RefusingTask, {"unique": Unique(conflict="refuse")}),
    "Replacing": (ReplacingTask, {"unique": Unique(conflict="replace")}),
    "Rated": (RatedTask, {"rate": Rate(10, per=3600, burst=4)}),
    "Keyed": (KeyedTask, {"per_key": PerKey(1)}),
    "Paired": (PairedTask, {"per_key": PerKey(2)}),
}


def make_registry(*names: str, **options: Mapping[str, Any]) -> Registry:
    """A registry of these types (default: all): ``Quick``, ``Other``, ``Limited``, ``Once``,
    ``Refusing``, ``Replacing``, ``Rated``, ``Keyed`` and ``Paired``; with ``options`` in place of
    those of the types that they are named after."""
    return Registry(
        Registration(task_type=cls, worker_provider=cls, type_name=name, **options.get(name, own))
        for name, (cls, own) in _TYPES.items()
        if name in (names or _TYPES)
    )
