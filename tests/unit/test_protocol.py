"""The table of commands, of which HTTP routes, hub events and permissions are made."""

from bgtasks.web import BackgroundTaskPolicy
from bgtasks.web.protocol import COMMANDS


def test_each_command_has_names_of_its_own_and_a_question_for_the_policy() -> None:
    for names in (
        [command.name for command in COMMANDS],
        [command.event for command in COMMANDS],
        [(command.method, command.route) for command in COMMANDS],
    ):
        assert len(set(names)) == len(COMMANDS)
    for command in COMMANDS:
        assert callable(getattr(BackgroundTaskPolicy, command.question))
