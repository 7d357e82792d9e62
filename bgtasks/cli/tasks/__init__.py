"""``tasks list|show|watch|cancel|retry`` and ``types list|pause|resume``, from a terminal."""

from bgtasks.cli.tasks.command import TYPE_ACTIONS, add, add_types

__all__ = ["TYPE_ACTIONS", "add", "add_types"]
