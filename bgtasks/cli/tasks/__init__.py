"""``tasks list|show|watch|cancel|retry`` and ``types list|pause|resume``, from a terminal."""

from a terminal: ``tasks list|show|watch|cancel|retry``, and
``types list|pause|resume``."""

from bgtasks.cli.tasks.command import TYPE_ACTIONS, add, add_types

__all__ = ["TYPE_ACTIONS", "add", "add_types"]
