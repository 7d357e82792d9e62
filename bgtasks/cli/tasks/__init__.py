"""The commands on tasks (``tasks list``) and on their types (``types pause``), from a terminal."""

from bgtasks.cli.tasks.command import TYPE_ACTIONS, add, add_types

__all__ = ["TYPE_ACTIONS", "add", "add_types"]
