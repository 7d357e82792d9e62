"""The task base, the status, the snapshots."""

from uuid import UUID, uuid4

import attrs
import pytest
from attrs import frozen

from bgtasks import BackgroundTaskBase, BackgroundTaskInfo, BackgroundTaskState
from bgtasks import BackgroundTaskStatus as Status
from tests.hosts.scripted import Work


def test_a_task_has_a_new_version_7_id_by_default() -> None:
    first, second = Work(), Work()
    assert first.id != second.id
    assert first.id.version == second.id.version == 7


def test_an_id_may_be_given_by_name_only() -> None:
    given = uuid4()
    assert Work(id=given).id == given
    with pytest.raises(TypeError):
        Work(given)  # type: ignore[call-arg]


def test_an_id_that_is_no_uuid_is_refused() -> None:
    with pytest.raises(TypeError, match="id"):
        Work(id="0193")  # type: ignore[arg-type]


def test_type_is_the_class_name_and_the_default_of_the_display_name() -> None:
    task = Work()
    assert (task.type, task.display_name) == ("Work", "Work")
    assert task.initial_status_message == "Pending"


def test_display_name_and_initial_status_message_can_be_overridden() -> None:
    @frozen(kw_only=True)
    class Named(BackgroundTaskBase):
        number: int

        @property
        def display_name(self) -> str:
            return f"Number {self.number}"

        @property
        def initial_status_message(self) -> str | None:
            return None

    task = Named(number=3)
    assert (task.display_name, task.initial_status_message) == ("Number 3", None)


@pytest.mark.parametrize("how", ["field", "property"])
def test_a_task_class_may_not_define_type_itself(how: str) -> None:
    body = {"__annotations__": {"type": str}} if how == "field" else {"type": property(str)}
    with pytest.raises(TypeError, match="type_name="):
        type("Mine", (BackgroundTaskBase,), body)


def test_a_task_is_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Work().id = UUID(int=1)  # type: ignore[misc]


def test_there_are_five_statuses_and_their_values_are_the_words_on_the_wire() -> None:
    assert [str(status) for status in Status] == [
        "Pending",
        "Running",
        "Completed",
        "Failed",
        "Cancelled",
    ]
    assert [status for status in Status if status.is_final] == [
        Status.COMPLETED,
        Status.FAILED,
        Status.CANCELLED,
    ]


def test_state_and_info_have_the_documented_fields() -> None:
    state = [item.name for item in attrs.fields(BackgroundTaskState)]
    assert ",".join(state) == (
        "id,type,name,payload,status,progress,status_message,error_message,"
        "created_at,started_at,completed_at"
    )
    info = [item.name for item in attrs.fields(BackgroundTaskInfo)]
    assert info == [
        *state,
        "revision",
        "attempt",
        "cancel_requested",
        "scheduled_at",
        "owner",
        "waiting_for",
        "schedule",
        "result",
    ]
