"""The options of ``stats`` and ``processes``."""

from typing import Any

from bgtasks.cli.tasks.action_parser import add_action

__all__ = ["add_stats"]


def add_stats(commands: Any) -> None:
    """Register the commands."""
    for name, description in (
        ("stats", "say how many tasks wait and run, and what needs attention"),
        ("processes", "list the processes that share the tasks: what runs in them, how they are"),
    ):
        command = add_action(commands, name, description)
        command.add_argument("--json", action="store_true", help="JSON, as the HTTP API has it")
