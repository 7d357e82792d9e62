"""The names and bounds of the protocol as a TypeScript module, for the JavaScript client:

python -m bgtasks.cli.typescript.protocol > bgtasks/web/js/client/src/protocol.ts
"""

import json
import sys

from bgtasks.models import BackgroundTaskStatus
from bgtasks.web import protocol
from bgtasks.web.commands import ON_TASK, commands_on

__all__ = ["protocol_module"]

HEADER = """\
// Generated from bgtasks/web/protocol.py by `python -m bgtasks.cli.typescript.protocol`.
// Do not edit.
"""


def protocol_module() -> str:
    """The module: one constant for each name and bound, the statuses and the commands."""
    lines = [HEADER]
    for name in sorted(protocol.__all__):
        value = getattr(protocol, name)
        if isinstance(value, str | int | float):
            lines.append(f"export const {name} = {json.dumps(value)};")
    statuses = json.dumps([status.value for status in BackgroundTaskStatus])
    lines += [
        "",
        "/** The states of a task; the last three are final. */",
        f"export const STATUSES = {statuses} as const;",
        "export type TaskStatus = (typeof STATUSES)[number];",
        "",
        "/** What may be done to a task: the hub's event, and the request over HTTP. */",
        "export const COMMANDS = {",
        *[
            f"  {_key(command.name)}: {{ event: {json.dumps(command.event)}, "
            f"method: {json.dumps(command.method)}, route: {json.dumps(command.route)} }},"
            for command in commands_on(ON_TASK)
        ],
        "} as const;",
        "",
    ]
    return "\n".join(lines)


def _key(name: str) -> str:
    first, *rest = name.split()
    return first + "".join(map(str.capitalize, rest))


if __name__ == "__main__":
    sys.stdout.write(protocol_module())
