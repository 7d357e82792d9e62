"""Tasks of every kind, in no order."""

import random
from typing import Any

KINDS: list[dict[str, Any]] = [
    {"type": "QuickTask"},
    {"type": "StepTask", "steps": 5},
    {"type": "StepTask", "steps": 60},
    {"type": "SyncTask"},
    {"type": "FailingTask"},
]


def some_tasks(chance: random.Random) -> list[dict[str, Any]]:
    """A few of them."""
    return chance.choices(KINDS, k=3)
