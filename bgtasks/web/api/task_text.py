"""One task as HTTP answers with it: its snapshot, and what is asked for beside that."""

from collections.abc import Collection

from bgtasks.core.codec import TaskCodec
from bgtasks.core.codec.json_text import encode
from bgtasks.core.codec.shapes import time_to_text
from bgtasks.core.task_details import TaskDetails
from bgtasks.models import kept
from bgtasks.web.access import TaskAccess
from bgtasks.web.encoded_task import EncodedTask, Info, without
from bgtasks.web.requester import Requester

__all__ = ["TaskTexts"]


class TaskTexts:
    """Writes tasks for one requester, who may see them."""

    def __init__(self, access: TaskAccess, codec: TaskCodec, requester: Requester) -> None:
        self._access = access
        self._codec = codec
        self._requester = requester

    async def in_list(self, info: Info, include: Collection[str]) -> str:
        """The snapshot with those of :data:`~bgtasks.web.listing.INCLUDED` that are asked for.
        A payload that is not is left out, and marked as such."""
        if "payload" not in include:
            shown = info if kept(info, "payload") is None else without(info, ["payload"])
        elif info.payload_omitted:
            shown = await self._access.whole(self._requester, info)
        else:
            shown = info
        text = self._text(shown)
        if "arguments" not in include:
            return text
        details = await self._access.details(self._requester, info.id)
        return _with(text, arguments=None if details is None else details.arguments_json)

    async def alone(self, info: Info) -> str:
        """The snapshot, and the details for whoever may see them."""
        details = await self._access.details(self._requester, info.id)
        text = self._text(info)
        return text if details is None else _with(text, **_fields(details))

    def _text(self, info: Info) -> str:
        return EncodedTask(info, self._codec).text


def _fields(details: TaskDetails) -> dict[str, str]:
    return {
        "arguments": details.arguments_json,
        "priority": encode(details.priority),
        "changedAt": encode(time_to_text(details.changed_at)),
        "maxAttempts": encode(details.max_attempts),
        "timeout": encode(details.timeout),
    }


def _with(text: str, **more: str | None) -> str:
    """A JSON object with more members, of which the JSON is given."""
    members = [f'"{name}":{"null" if json is None else json}' for name, json in more.items()]
    return f"{text[:-1]},{','.join(members)}}}"
