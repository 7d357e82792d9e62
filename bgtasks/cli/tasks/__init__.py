"""``python -m bgtasks tasks``: list, show, watch, cancel and retry tasks from a terminal."""

from bgtasks.cli.tasks.command import add

__all__ = ["add"]
