"""The commands on tasks, on their types and on schedules, from a terminal."""

from bgtasks.cli.tasks.command import TYPE_ACTIONS, add, add_types
from bgtasks.cli.tasks.schedule_command import add_schedules

__all__ = ["TYPE_ACTIONS", "add", "add_schedules", "add_types"]
