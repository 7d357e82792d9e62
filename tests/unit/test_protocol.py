"""The table of commands, of which HTTP routes, hub events and permissions are made."""

import pytest

from bgtasks import BackgroundTaskPolicy
from bgtasks.web.commands import CANCEL, COMMANDS, ON_TASK, ON_TYPE, PAUSE, commands_on


def test_each_command_has_names_of_its_own_and_a_question_for_the_policy() -> None:
    for names in (
        [(command.on.noun, command.name) for command in COMMANDS],
        [command.event for command in COMMANDS],
        [(command.method, command.route) for command in COMMANDS],
    ):
        assert len(set(names)) == len(COMMANDS)
    for command in COMMANDS:
        assert callable(getattr(BackgroundTaskPolicy, command.question))


def test_a_route_names_what_its_command_is_carried_out_on() -> None:
    for command in COMMANDS:
        assert f"{{{command.on.key}}}" in command.route


def test_commands_are_found_by_what_they_are_carried_out_on() -> None:
    assert [command.name for command in commands_on(ON_TASK)] == [
        "cancel",
        "retry",
        "run again",
        "delete",
    ]
    assert [command.name for command in commands_on(ON_TYPE)] == ["pause", "resume"]


@pytest.mark.parametrize("message", [None, {}, {"name": "x"}, ["id"], {"id": "x", "more": 1}])
def test_an_event_without_the_name_of_its_subject_says_what_is_accepted(message: object) -> None:
    with pytest.raises(ValueError, match=r'accepted: {"id": "\.\.\."} with the id of a task'):
        CANCEL.read(message)


def test_an_event_may_have_what_its_command_takes_and_nothing_else() -> None:
    assert PAUSE.read({"type": "Mail"}) == ("Mail", {})
    assert PAUSE.read({"type": "Mail", "reason": None}) == ("Mail", {})
    assert PAUSE.read({"type": "Mail", "reason": "down"}) == ("Mail", {"reason": "down"})
    for message in ({"type": "Mail", "why": "down"}, {"reason": "down"}, {"type": 7}, {"type": ""}):
        with pytest.raises(ValueError, match="accepted"):
            PAUSE.read(message)
    with pytest.raises(ValueError, match="reason is no text"):
        PAUSE.read({"type": "Mail", "reason": 7})
