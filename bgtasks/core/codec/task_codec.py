"""Tasks, payloads and snapshots as JSON, with cattrs: one camelCase shape everywhere."""

import functools
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Literal, TypeVar, get_args
from uuid import UUID

from bgtasks.core.codec.blame import Blame
from bgtasks.core.codec.encoder import Encoder, PayloadEncoder
from bgtasks.core.codec.json_text import MAX_DEPTH, check, decode, encode, is_deeper, sendable
from bgtasks.core.codec.proofs import Proofs
from bgtasks.core.codec.registered_types import check_types
from bgtasks.core.codec.shapes import make_converter, unstructure_without
from bgtasks.core.codec.writers import Writers
from bgtasks.core.record import TaskRecord, info_of
from bgtasks.errors import SerializationError
from bgtasks.models import (
    BackgroundTaskBase,
    BackgroundTaskInfo,
    LightTaskInfo,
    StoredJson,
    kept,
)

__all__ = ["TaskCodec"]

logger: logging.Logger = logging.getLogger(__name__)

TTask = TypeVar("TTask", bound=BackgroundTaskBase)
TRead = TypeVar("TRead")

_JSON: Final[tuple[Literal["payload"], Literal["result"]]] = ("payload", "result")
"""The fields of a snapshot whose stored text is sent as it is."""


class TaskCodec:
    """Turns tasks, payloads and records into JSON and back.

    A value that comes back from JSON equal is accepted; another is refused by an error that names
    the field. Values with a proof (see :mod:`bgtasks.core.codec.proofs`) are not tried.
    """

    def __init__(self) -> None:
        self._converter = make_converter(detailed_validation=False)
        self._blame = Blame(self._converter)
        self._writers = Writers(self._converter, Proofs())
        self._tasks: dict[type, Encoder] = {}
        self._read: dict[type, Callable[[Any, Any], Any]] = {}
        self._values: dict[tuple[str, Any], Callable[[object], str | None]] = {}
        self._head = unstructure_without(BackgroundTaskInfo, _JSON, self._converter)

    def check_type(self, cls: Any) -> None:
        """Raise SerializationError if objects of ``cls`` can never be read back, RegistrationError
        if they can be read back only in part."""
        for hint in check_types(cls):
            self._blame.check_type(hint, cls)

    def encode_task(self, task: BackgroundTaskBase) -> str:
        """The JSON of ``task``, which comes back equal. Raises SerializationError, which names the
        field, or PayloadTooLargeError."""
        cls = type(task)
        encode = self._tasks.get(cls)
        if encode is None:
            encode = self._tasks[cls] = self._encoder(cls, cls.__name__, MAX_DEPTH + 1)
        return encode(task)

    def decode_task(self, cls: type[TTask], data: str) -> TTask:
        """The task that was stored as ``data``. Raises SerializationError with the reason."""
        try:
            structure = self._read.get(cls)
            if structure is None:
                structure = self._read[cls] = self._converter.get_structure_hook(cls)
            task: TTask = structure(decode(data), cls)
            return task
        except Exception as error:
            raise self._blame.unreadable(cls, data, cls.__name__, error) from error

    def payload_encoder(self, payload_type: Any) -> Callable[[object], str | None]:
        """The encoder of payloads that come back as ``payload_type``, with the errors of
        ``encode_task``; for ``None`` and ``Any`` they come back as JSON data.

        Lone surrogates become ``?``, as in messages, since payloads are shown.
        """
        return self._shown_encoder("payload", payload_type)

    def result_encoder(self, result_type: Any) -> Callable[[object], str | None]:
        """The same for what workers return."""
        return self._shown_encoder("result", result_type)

    def _shown_encoder(self, name: str, hint: Any) -> Callable[[object], str | None]:
        hint = Any if hint is None else hint
        found = self._values.get((name, hint))
        if found is None:
            found = self._encoder(hint, name, MAX_DEPTH, PayloadEncoder)
            self._values[name, hint] = found
        return found

    def encode_payload(self, payload: object) -> str | None:
        """The JSON of ``payload``, without a look at how it comes back; ``None`` for ``None``."""
        if payload is None:
            return None
        return sendable(self._encoder(Any, "payload", MAX_DEPTH).unchecked(payload))

    def decode_payload(
        self, payload_type: Any, text: str | None, task_id: UUID | None = None
    ) -> Any:
        """The payload that was stored as ``text``: an object of ``payload_type``, or plain JSON
        data where it no longer fits that type or the type is unknown.

        A text that is no JSON, or is nested too deeply to be sent, becomes ``None``: one unreadable
        payload must not spoil a page of tasks. This is logged once for each ``task_id``.
        """
        if text is None:
            return None
        try:
            _, data = _read(text, decode)
        except SerializationError as error:
            _log_unreadable(task_id, str(error))
            return None
        if payload_type is None or payload_type is Any:
            return data
        try:
            return self._converter.structure(data, payload_type)
        except Exception:
            return data

    def info(
        self,
        record: TaskRecord,
        payload_type: Any,
        result_type: Any = None,
        now: datetime | None = None,
    ) -> BackgroundTaskInfo[Any]:
        """The public snapshot of a stored task, as it is ``now`` (``None``: as it was written).
        Its payload and result are decoded when they are read."""
        payload = self._stored(record.payload, payload_type, record.id)
        result = record.result and self._stored(record.result, result_type, record.id)
        return info_of(record, payload, result or None, now)

    def _stored(self, text: str | None, hint: Any, task_id: UUID) -> StoredJson | None:
        if not text:
            return None
        return StoredJson(text, functools.partial(self.decode_payload, hint, text, task_id))

    def wire(self, info: BackgroundTaskInfo[Any]) -> dict[str, Any]:
        """``info`` as the JSON data that HTTP and Socket.IO send."""
        head: dict[str, Any] = decode(self.head_text(info))
        return head | {name: decode(self.json_text(info, name)) for name in _JSON}

    def read_info(self, hint: Any, data: dict[str, Any]) -> BackgroundTaskInfo[Any]:
        """The snapshot that was sent as the JSON ``data``. ``hint`` is ``BackgroundTaskInfo``, with
        or without the type of its payload. Raises what cattrs raises."""
        kind: Any = LightTaskInfo if data.get("payloadOmitted") is True else BackgroundTaskInfo
        info: BackgroundTaskInfo[Any] = self._converter.structure(
            data, kind[get_args(hint) or (Any,)]
        )
        return info

    def data_of(self, value: object) -> dict[str, Any]:
        """A type, a schedule, a failed attempt or the like as JSON data."""
        data: dict[str, Any] = self._converter.unstructure(value)
        return data

    def read(self, kind: type[TRead], data: Any) -> TRead:
        """What ``data_of`` made of an object of ``kind``, read back. Raises what cattrs raises."""
        return self._converter.structure(data, kind)

    def head_text(self, info: BackgroundTaskInfo[Any]) -> str:
        """``info`` as a JSON object in ASCII, but for its payload and its result."""
        data: dict[str, Any] = self._head(info)
        if info.payload_omitted:
            data["payloadOmitted"] = True
        return encode(data)

    def json_text(self, info: BackgroundTaskInfo[Any], name: Literal["payload", "result"]) -> str:
        """The payload or the result of ``info`` as JSON in ASCII, on one line. A stored one is as
        it was reported; one that cannot be sent is ``null``, as in ``decode_payload``."""
        value = kept(info, name)
        if value is None:
            return "null"
        if type(value) is not StoredJson:
            return encode(self._converter.unstructure(value))
        try:
            text, _ = _read(value.text, check)
            return text if _is_plain(text) else encode(decode(text))
        except SerializationError as error:
            _log_unreadable(info.id, str(error))
            return "null"

    @staticmethod
    def whole_text(head: str, payload: str, result: str) -> str:
        """A snapshot as one JSON object, of its ``head_text`` and its two ``json_text``."""
        return f'{head[:-1]},"payload":{payload},"result":{result}}}'

    def _encoder(self, hint: Any, name: str, depth: int, kind: type[Encoder] = Encoder) -> Encoder:
        return kind(
            hint, name, depth, converter=self._converter, writers=self._writers, blame=self._blame
        )


def _read(text: str, parse: Callable[[str], Any]) -> tuple[str, Any]:
    """A stored payload as it may be sent, nearly always unchanged, and what ``parse`` (``decode``
    or ``check``) makes of it. It is checked because another release or program may have written
    it, and one payload must not spoil a page of tasks."""
    try:
        fit = sendable(text)
        data = parse(fit)
        too_deep = is_deeper(fit, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise SerializationError(f"a stored payload is no JSON: {type(error).__name__}") from error
    if too_deep:
        raise SerializationError(f"a stored payload is nested more than {MAX_DEPTH} levels deep")
    return fit, data


def _is_plain(text: str) -> bool:
    """Whether JSON is in ASCII and on one line, as this codec writes it."""
    return text.isascii() and "\n" not in text and "\r" not in text


@functools.lru_cache(maxsize=1024)
def _log_unreadable(task_id: UUID | None, reason: str) -> None:
    """Log once for each task, as long as its id is remembered."""
    logger.warning(
        "task %s goes without its payload: %s",
        task_id or "",
        reason,
        extra={"task_id": str(task_id) if task_id else None},
    )
