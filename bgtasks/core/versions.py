"""Tasks that were stored by an older release: their data is brought up to date step by step."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from bgtasks.core.codec.json_text import decode, encode
from bgtasks.core.text import describe, shown
from bgtasks.errors import SerializationError, SettingsError

__all__ = ["MAX_VERSION", "Upgrade", "Versions", "checked_steps"]

MAX_VERSION = 1_000_000

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes the JSON data of a task of one version that of the next; a pure function."""


@frozen
class Versions:
    """The versions of one type: the ``newest``, and for each older one the step to the next. A
    missing step means that nothing has to be changed."""

    type_name: str
    newest: int
    steps: Mapping[int, Upgrade]

    def upgraded(self, data: str, version: int) -> str:
        """The JSON ``data`` of a task of this ``version``, as the newest one has it.

        Raises SerializationError where a step fails, and for a version that is not known here.
        """
        if version == self.newest:
            return data
        if version > self.newest:
            raise SerializationError(self.too_new(version))
        fields: dict[str, Any] = decode(data)
        for older in range(version, self.newest):
            if (step := self.steps.get(older)) is not None:
                fields = self._next(step, older, fields)
        try:
            return encode(fields)
        except Exception as error:  # what the last step returned is the application's
            raise SerializationError(
                f"the data of {self.type_name} cannot be JSON once it is upgraded: "
                f"{describe(error)}"
            ) from error

    def too_new(self, version: int) -> str:
        """Why a task of this version cannot be run here, in words."""
        return f"needs version {version} of {self.type_name}, this process has {self.newest}"

    def _next(self, step: Upgrade, older: int, fields: dict[str, Any]) -> dict[str, Any]:
        what = f"the upgrade of {self.type_name} from version {older} to {older + 1}"
        task_id = fields.get("id")
        try:
            new = step(fields)
        except Exception as error:
            raise SerializationError(f"{what} failed: {describe(error)}") from error
        if not isinstance(new, dict):
            raise SerializationError(f"{what} returned {shown(new)}; expected a dict")
        return {**new, "id": task_id}


def checked_steps(value: Any, version: int) -> Mapping[int, Upgrade]:
    """The option ``upgrade``. Raises SettingsError, which says what is accepted."""
    accepted = (
        f"functions by the version they begin with, from 1 to {version - 1} (version is {version})"
    )
    if not isinstance(value, Mapping):
        raise SettingsError(f"upgrade is {shown(value)}; accepted: {accepted}")
    for older, step in value.items():
        if type(older) is not int or not 1 <= older < version or not callable(step):
            raise SettingsError(f"upgrade has {shown(older)}: {shown(step)}; accepted: {accepted}")
    return dict(value)
