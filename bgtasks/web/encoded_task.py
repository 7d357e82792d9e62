"""A task on its way to the clients, encoded once for all of them."""

import json
import logging
from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

import attrs

from bgtasks.concurrency.lasting import ends_this_task
from bgtasks.core.codec import TaskCodec
from bgtasks.core.record import SMALL_PAYLOAD
from bgtasks.core.text import clean, describe
from bgtasks.logs import log_fields
from bgtasks.models import BackgroundTaskInfo, LightTaskInfo, kept
from bgtasks.web.protocol import TASK_UPDATED

__all__ = ["EncodedTask", "Info", "newness", "without"]

logger: logging.Logger = logging.getLogger(__name__)

MAX_TOLD = 1_000
"""How many tasks are remembered as logged."""

Info = BackgroundTaskInfo[Any]


def newness(info: Info) -> tuple[datetime, int]:
    """Of two snapshots of one id, the greater one is the newer.

    The revision decides, except where an id is submitted again after its task was pruned.
    """
    return info.created_at, info.revision


class EncodedTask:
    """One snapshot of a task in the forms that clients are sent. Each form is encoded when the
    first client needs it; later clients, over either protocol, get the same text. The text of a
    stored payload is inserted unchanged.

    Encoding never fails. A payload or a text that cannot be sent is left out of its own task; other
    tasks are not affected.
    """

    def __init__(self, info: Info, codec: TaskCodec) -> None:
        self.info = info
        self.update: Any = None
        """Where a fan-out keeps what it made of this."""
        self._codec = codec

    @cached_property
    def text(self) -> str:
        """The task as JSON, in ASCII."""
        return self._codec.whole_text(self._head, self._payload, self._result)

    @cached_property
    def event(self) -> bytes:
        """The task as a server-sent event. JSON has no line breaks, so one data line does."""
        info = self.info
        return (
            f"event: {TASK_UPDATED}\nid: {info.id}:{info.revision}\ndata: {self.text}\n\n".encode()
        )

    @cached_property
    def light(self) -> "EncodedTask":
        """The task without a large payload or result, for clients that follow many tasks; the same
        object if neither is large."""
        large = [
            name
            for name, text in (("payload", self._payload), ("result", self._result))
            if len(text) > SMALL_PAYLOAD
        ]
        return EncodedTask(without(self.info, large), self._codec) if large else self

    @property
    def _head(self) -> str:
        try:
            return _fit(self._codec.head_text(self.info))
        except BaseException as error:
            if ends_this_task(error):
                raise
            _say_once(self.info, error)
            return self._codec.head_text(_cleaned(self.info))

    @cached_property
    def _payload(self) -> str:
        return self._json("payload")

    @cached_property
    def _result(self) -> str:
        return self._json("result")

    def _json(self, name: Literal["payload", "result"]) -> str:
        try:
            return _fit(self._codec.json_text(self.info, name))
        except BaseException as error:
            if ends_this_task(error):
                raise
            _say_once(self.info, error)
            return "null"


def without(info: Info, left_out: Collection[str]) -> Info:
    """``info`` without its payload, or result, or both, marked as left out."""
    values: dict[str, Any] = {
        "payload": kept(info, "payload"),
        "result": kept(info, "result"),
    }
    for item in attrs.fields(BackgroundTaskInfo):
        if item.name not in values:
            values[item.name] = getattr(info, item.name)
    return LightTaskInfo(**values | dict.fromkeys(left_out))


def _cleaned(info: Info) -> Info:
    """``info`` without payload and result, and with texts that can be sent."""
    texts: dict[str, Any] = {
        name: clean(text, len(text))
        for name in ("type", "name", "status_message", "error_message", "owner")
        if (text := getattr(info, name)) is not None
    }
    return attrs.evolve(info, payload=None, result=None, **texts)


def _fit(text: str) -> str:
    """``text``. Raises UnicodeEncodeError for half a surrogate pair: many parsers refuse JSON that
    has one."""
    if "\\ud" in text:  # that, or a character beyond the first 65,536
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    return text


_told: OrderedDict[UUID, None] = OrderedDict()


def _say_once(info: Info, error: BaseException) -> None:
    """Log that something is left out; once for each of the last thousand tasks."""
    if info.id in _told:
        return
    _told[info.id] = None
    if len(_told) > MAX_TOLD:
        _told.popitem(last=False)
    logger.warning(
        "task %s has a payload or a text that cannot be sent (%s: %.200s): it is shown without",
        info.id,
        type(error).__name__,
        describe(error),
        extra=log_fields(info),
    )
