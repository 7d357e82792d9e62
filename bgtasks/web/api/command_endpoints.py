"""The commands, as requests over HTTP."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from bgtasks.core.codec import TaskCodec
from bgtasks.models import BackgroundTaskInfo
from bgtasks.web.access import TaskAccess
from bgtasks.web.api.body import parse_arguments
from bgtasks.web.api.endpoint import Endpoint, Endpoints, json_answer, name_of
from bgtasks.web.api.operation import described, described_as, operation_of_command
from bgtasks.web.api.parameters import ARGUMENTS_BODY
from bgtasks.web.commands import COMMANDS, RUN_THE_TASK_AGAIN, Command, run_again_with
from bgtasks.web.requester import Requester

__all__ = ["CommandEndpoints"]


class CommandEndpoints:
    """What changes a task, a type or a schedule, made of the table of commands."""

    def __init__(self, access: TaskAccess, codec: TaskCodec) -> None:
        self._access = access
        self._codec = codec

    @property
    def endpoints(self) -> Endpoints:
        """All of them."""
        endpoints: dict[str, dict[str, Endpoint]] = {}
        for command in COMMANDS:
            by_method = endpoints.setdefault(command.route, {})
            by_method[command.method] = self._endpoint(command)
        return endpoints

    def _endpoint(self, command: Command) -> Endpoint:
        if command is RUN_THE_TASK_AGAIN:
            return self._run_again
        return described_as(operation_of_command(command), partial(self._carry_out, command))

    @described(
        "runTaskAgain",
        "Submit a new task with the arguments of a task, perhaps some of them changed; policy: "
        "can_retry, to change them also can_see_arguments",
        answer=BackgroundTaskInfo,
        status=202,
        body=ARGUMENTS_BODY,
        problems=(404, 409),
    )
    async def _run_again(self, request: Request, requester: Requester) -> Response:
        command, arguments = RUN_THE_TASK_AGAIN, parse_arguments(await request.body())
        if arguments:
            await self._access.check_may_see_arguments(requester)
            command = run_again_with(arguments)
        return await self._carry_out(command, request, requester)

    async def _carry_out(
        self, command: Command, request: Request, requester: Requester
    ) -> Response:
        given = {
            name: request.query_params[name]
            for name in command.takes
            if name in request.query_params
        }
        name = name_of(command.on, request)
        answer = await self._access.carry_out(command, requester, name, **given)
        return json_answer(command.on.text(answer, self._codec), command.status)
