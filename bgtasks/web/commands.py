"""What clients may do, in one table: HTTP routes, events of the hub and permissions are made of
it."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from attrs import frozen

from bgtasks.core.codec import TaskCodec
from bgtasks.manager import BackgroundTaskManager
from bgtasks.web.encoded_task import EncodedTask
from bgtasks.web.protocol import TASK, parse_task_id

__all__ = ["CANCEL", "COMMANDS", "ON_TASK", "RETRY", "Command", "Subject", "commands_on"]


@frozen(kw_only=True)
class Subject:
    """What a command is carried out on, and how a client names one of its kind.

    ``noun`` is its word in messages and in the ack of the hub, ``key`` what routes and events call
    its name, ``parse`` reads that name (ValueError says what is accepted), and ``text`` writes the
    answer to a command as JSON.
    """

    noun: str
    key: str
    parse: Callable[[object], Any]
    text: Callable[[Any, TaskCodec], str]

    def named_in(self, message: object) -> Any:
        """The name in the argument of an event; raises ValueError."""
        if not isinstance(message, dict) or list(message) != [self.key]:
            raise ValueError(
                f'accepted: {{"{self.key}": "..."}} with the {self.key} of a {self.noun}'
            )
        return self.parse(message[self.key])


ON_TASK = Subject(
    noun="task",
    key="id",
    parse=parse_task_id,
    text=lambda info, codec: EncodedTask(info, codec).text,
)


@frozen(kw_only=True)
class Command:
    """What a client may do, as an event of the hub and as a request over HTTP.

    Both answer with the newest state of what it was done to, HTTP with status 202. ``on`` says to
    what it is done. ``name`` is what permissions and messages call it. ``question`` is the method
    of the policy that allows it; on a task it is asked with the task, otherwise about the requester
    alone. ``change`` is what the manager does, and ``done`` the word for it afterwards. On a task
    ``change`` returns ``None`` where the status does not allow it; otherwise it raises.
    """

    on: Subject
    name: str
    event: str
    method: Literal["DELETE", "POST"]
    route: str
    question: str
    change: Callable[[BackgroundTaskManager, Any], Awaitable[Any]]
    done: str


CANCEL = Command(
    on=ON_TASK,
    name="cancel",
    event="CancelTask",
    method="DELETE",
    route=TASK,
    question="can_cancel",
    change=lambda manager, task_id: manager.request_cancel(task_id),
    done="cancelled",
)

RETRY = Command(
    on=ON_TASK,
    name="retry",
    event="RetryTask",
    method="POST",
    route=f"{TASK}/retry",
    question="can_retry",
    change=lambda manager, task_id: manager.request_retry(task_id),
    done="retried",
)

COMMANDS = (CANCEL, RETRY)
"""All commands: whatever serves, permits or documents a command goes through these."""


def commands_on(subject: Subject) -> tuple[Command, ...]:
    """The commands on one kind of thing."""
    return tuple(command for command in COMMANDS if command.on is subject)
