"""What cannot be stored is refused with the name of the field that is to blame."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from bgtasks import BackgroundTaskBase, PayloadTooLargeError, SerializationError
from bgtasks.core.codec import MAX_JSON, TaskCodec

codec = TaskCodec()


@frozen
class Inner:
    value: Any


@frozen(kw_only=True)
class Loose(BackgroundTaskBase):
    some_value: Any = None
    inner: Inner = Inner(None)


@frozen(kw_only=True)
class Renamed(BackgroundTaskBase):
    new_name: int


@frozen(kw_only=True)
class Handle(BackgroundTaskBase):
    lock: threading.Lock = field(factory=threading.Lock)


@frozen(kw_only=True)
class Wrong(BackgroundTaskBase):
    number: int = 0


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), r"Loose\.some_value cannot"),
        (float("nan"), r"Loose\.some_value cannot .*nan"),
        (float("inf"), r"Loose\.some_value cannot .*inf"),
        ([1, {"a": object()}], r"Loose\.some_value\[1\]\['a'\] cannot"),
        (lambda: None, r"Loose\.some_value cannot .*function"),
        ({(1, 2): "a tuple as a key"}, r"Loose\.some_value cannot"),
    ],
)
def test_a_task_that_cannot_be_json_is_refused_by_field(value: Any, named: str) -> None:
    with pytest.raises(SerializationError, match=named):
        codec.encode_task(Loose(some_value=value))


def test_the_blame_goes_to_the_innermost_field() -> None:
    with pytest.raises(SerializationError, match=r"Loose\.inner\.value\['x'\] cannot .*object"):
        codec.encode_task(Loose(inner=Inner({"ok": 1, "x": object()})))


def test_the_message_says_what_would_be_accepted() -> None:
    with pytest.raises(SerializationError, match="attrs classes, dataclasses"):
        codec.encode_payload(object())


@pytest.mark.parametrize("kind", ["list", "dict", "object"])
def test_what_refers_to_itself_is_refused(kind: str) -> None:
    cyclic: Any
    if kind == "list":
        cyclic = []
        cyclic.append(cyclic)
    elif kind == "dict":
        cyclic = {}
        cyclic["self"] = cyclic
    else:
        cyclic = Inner(None)
        object.__setattr__(cyclic, "value", [cyclic])
    with pytest.raises(SerializationError, match="refers to itself"):
        codec.encode_payload(cyclic)


def test_too_much_json_is_refused_with_its_size_and_what_to_do() -> None:
    with pytest.raises(PayloadTooLargeError, match=r"payload is .* characters .* file or table"):
        codec.encode_payload("x" * (MAX_JSON + 1))
    with pytest.raises(PayloadTooLargeError, match="Loose is"):
        codec.encode_task(Loose(some_value="x" * MAX_JSON))


def test_names_of_files_that_are_not_valid_unicode_come_back_as_they_were() -> None:
    strange = Path("caf\udce9")
    text = codec.encode_task(Loose(some_value=str(strange)))
    assert text.isascii()
    assert codec.decode_task(Loose, text).some_value == str(strange)


def test_a_task_that_could_not_be_read_back_is_refused_when_it_is_handed_in() -> None:
    with pytest.raises(SerializationError, match="number"):
        codec.encode_task(Wrong(number="many"))  # type: ignore[arg-type]


def test_a_task_class_that_can_never_be_read_back_is_refused_by_name() -> None:
    with pytest.raises(SerializationError, match="Handle"):
        codec.check_type(Handle)


def test_a_stored_task_whose_class_changed_is_refused_with_the_missing_field() -> None:
    stored = json.dumps({"id": str(Loose().id), "oldName": 1})
    with pytest.raises(SerializationError, match=r"Renamed.*(new_name|newName)"):
        codec.decode_task(Renamed, stored)


@pytest.mark.parametrize("stored", ["", "{", "[]", "null", '"text"'])
def test_stored_text_that_is_no_task_is_refused(stored: str) -> None:
    with pytest.raises(SerializationError, match="Renamed cannot be read back"):
        codec.decode_task(Renamed, stored)


def test_a_field_that_a_newer_class_does_not_have_is_left_out() -> None:
    stored = json.dumps({"id": str(Loose().id), "newName": 1, "gone": True})
    assert codec.decode_task(Renamed, stored).new_name == 1
