"""An error is told in the same words over HTTP and by the hub."""

from typing import Any

import pytest

from bgtasks.errors import (
    BackendBusyError,
    BackendError,
    ManagerStateError,
    NotAllowedError,
    QueryError,
    TaskNotFoundError,
    TaskStateError,
)
from bgtasks.web.judge import PolicyFailedError, PolicyTimeoutError


@pytest.mark.parametrize(
    ("error", "status", "is_shown", "is_logged"),
    [
        (QueryError("words"), 400, True, False),
        (NotAllowedError("words"), 403, True, False),
        (TaskNotFoundError("words"), 404, True, False),
        (TaskStateError("words"), 409, True, False),
        (ManagerStateError("words"), 503, False, False),
        (BackendError("words"), 503, False, True),
        (BackendBusyError("words"), 503, False, True),
        (PolicyTimeoutError("words"), 503, False, False),
        (PolicyFailedError("words"), 500, False, False),
        (RuntimeError("words"), 500, False, True),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_command_that_fails_is_answered_in_the_same_words_both_ways(
    world: Any,
    manager: Any,
    caplog: Any,
    error: Exception,
    status: int,
    is_shown: bool,
    is_logged: bool,
) -> None:
    task = manager.add()
    socket = await world.joined({"types": ["Nothing"]})
    manager.fail = error
    async with world.http() as http:
        response = await http.delete(f"/api/tasks/{task.id}")
    ack = await socket.call("CancelTask", {"id": str(task.id)})
    assert response.status_code == status
    assert ack == {"ok": False, "error": response.json()["detail"]}
    assert (ack["error"] == "words") is is_shown
    assert ("Retry-After" in response.headers) is (status == 503)
    assert [record.levelname for record in caplog.records].count("ERROR") == 2 * is_logged
