"""What clients may do, in one table: HTTP routes, events of the hub and permissions are made of
it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Literal
from uuid import UUID

from attrs import evolve, frozen

from bgtasks.core.codec import TaskCodec
from bgtasks.models import BackgroundTaskInfo, ScheduleInfo
from bgtasks.web.encoded_schedule import parse_schedule, schedule_text
from bgtasks.web.encoded_task import EncodedTask
from bgtasks.web.encoded_type import TypeNews, parse_type, type_text
from bgtasks.web.protocol import (
    DELETE,
    PAUSE_SCHEDULE,
    PAUSE_TYPE,
    RESUME_SCHEDULE,
    RESUME_TYPE,
    RUN_AGAIN,
    RUN_SCHEDULE,
    TASK,
    parse_task_id,
)

__all__ = [
    "CANCEL",
    "COMMANDS",
    "DELETE_THE_TASK",
    "ON_SCHEDULE",
    "ON_TASK",
    "ON_TYPE",
    "PAUSE",
    "PAUSE_THE_SCHEDULE",
    "RESUME",
    "RESUME_THE_SCHEDULE",
    "RETRY",
    "RUN_THE_SCHEDULE",
    "RUN_THE_TASK_AGAIN",
    "Command",
    "Subject",
    "commands_on",
    "run_again_with",
]

Info = BackgroundTaskInfo[Any]


@frozen(kw_only=True)
class Subject:
    """What a command is carried out on, and how a client names one of its kind.

    ``noun`` is its word in messages and in the ack of the hub, ``key`` what routes and events call
    its name, ``parse`` reads that name (ValueError says what is accepted), and ``text`` writes the
    answer to a command, of the class ``shape``, as JSON.
    """

    noun: str
    key: str
    parse: Callable[[object], Any]
    shape: type
    text: Callable[[Any, TaskCodec], str]


ON_TASK = Subject(
    noun="task",
    key="id",
    parse=parse_task_id,
    shape=BackgroundTaskInfo,
    text=lambda info, codec: EncodedTask(info, codec).text,
)

ON_TYPE = Subject(noun="type", key="type", parse=parse_type, shape=TypeNews, text=type_text)

ON_SCHEDULE = Subject(
    noun="schedule", key="name", parse=parse_schedule, shape=ScheduleInfo, text=schedule_text
)


@frozen(kw_only=True)
class Command:
    """What a client may do, as an event of the hub and as a request over HTTP.

    Both answer with the newest state of what it was done to, HTTP with ``status``. ``on`` says to
    what it is done. ``name`` is what permissions and messages call it. ``question`` is the method
    of the policy that allows it; on a task it is asked with the task, otherwise about the requester
    alone. ``change`` is what the manager does, and ``done`` the word for it afterwards. On a task
    ``change`` returns ``None`` where the status does not allow it; otherwise it raises. ``takes``
    names the texts that it may be given as well: in an event beside the name, over HTTP in the
    query.
    """

    on: Subject
    name: str
    event: str
    method: Literal["DELETE", "POST"]
    route: str
    question: str
    change: Callable[..., Awaitable[Any]]
    done: str
    takes: tuple[str, ...] = ()
    status: int = 202

    def read(self, message: object) -> tuple[Any, dict[str, str]]:
        """The name, and what else is given, in the argument of an event; raises ValueError."""
        key = self.on.key
        if (
            not isinstance(message, dict)
            or message.keys() - {key, *self.takes}
            or key not in message
        ):
            more = "".join(f', perhaps "{name}": "..."' for name in self.takes)
            raise ValueError(
                f'accepted: {{"{key}": "..."{more}}} with the {key} of a {self.on.noun}'
            )
        given = {name: message[name] for name in self.takes if message.get(name) is not None}
        if wrong := [name for name, value in given.items() if not isinstance(value, str)]:
            raise ValueError(f"{wrong[0]} is no text")
        return self.on.parse(message[key]), given


async def _run_again(
    manager: Any, task_id: UUID, arguments: Mapping[str, Any] | None = None
) -> Info | None:
    """The new task."""
    new_id = await manager.run_again(task_id, arguments)
    found: list[Info] = await manager.find_tasks([new_id])
    return found[0] if found else None


async def _delete(manager: Any, task_id: UUID) -> Info | None:
    """The task as it was last."""
    found: list[Info] = await manager.find_tasks([task_id])
    await manager.delete_task(task_id)
    return found[0] if found else None


async def _run_schedule(manager: Any, name: str) -> ScheduleInfo:
    await manager.run_schedule(name)
    info: ScheduleInfo = await manager.get_schedule(name)
    return info


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

RUN_THE_TASK_AGAIN = Command(
    on=ON_TASK,
    name="run again",
    event="RunTaskAgain",
    method="POST",
    route=RUN_AGAIN,
    question="can_retry",
    change=_run_again,
    done="run again",
)

DELETE_THE_TASK = Command(
    on=ON_TASK,
    name="delete",
    event="DeleteTask",
    method="POST",
    route=DELETE,
    question="can_cancel",
    change=_delete,
    done="deleted",
    status=200,
)

PAUSE = Command(
    on=ON_TYPE,
    name="pause",
    event="PauseType",
    method="POST",
    route=PAUSE_TYPE,
    question="can_control",
    change=lambda manager, name, reason=None: manager.pause(name, reason),
    done="paused",
    takes=("reason",),
)

RESUME = Command(
    on=ON_TYPE,
    name="resume",
    event="ResumeType",
    method="POST",
    route=RESUME_TYPE,
    question="can_control",
    change=lambda manager, name: manager.resume(name),
    done="resumed",
)

RUN_THE_SCHEDULE = Command(
    on=ON_SCHEDULE,
    name="run",
    event="RunSchedule",
    method="POST",
    route=RUN_SCHEDULE,
    question="can_control",
    change=_run_schedule,
    done="run",
)

PAUSE_THE_SCHEDULE = Command(
    on=ON_SCHEDULE,
    name="pause",
    event="PauseSchedule",
    method="POST",
    route=PAUSE_SCHEDULE,
    question="can_control",
    change=lambda manager, name: manager.pause_schedule(name),
    done="paused",
)

RESUME_THE_SCHEDULE = Command(
    on=ON_SCHEDULE,
    name="resume",
    event="ResumeSchedule",
    method="POST",
    route=RESUME_SCHEDULE,
    question="can_control",
    change=lambda manager, name: manager.resume_schedule(name),
    done="resumed",
)

COMMANDS = (
    *(CANCEL, RETRY, RUN_THE_TASK_AGAIN, DELETE_THE_TASK),
    *(PAUSE, RESUME),
    *(RUN_THE_SCHEDULE, PAUSE_THE_SCHEDULE, RESUME_THE_SCHEDULE),
)
"""All commands: whatever serves, permits or documents a command goes through these."""


def run_again_with(arguments: Mapping[str, Any]) -> Command:
    """The command that submits a task again with some of its arguments changed."""
    return evolve(RUN_THE_TASK_AGAIN, change=partial(_run_again, arguments=arguments))


def commands_on(subject: Subject) -> tuple[Command, ...]:
    """The commands on one kind of thing."""
    return tuple(command for command in COMMANDS if command.on is subject)
