"""The official JavaScript client under Node, against a real server."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.client.node import installed
from tests.hosts.processes import serving

SCRIPTS = Path(__file__).with_name("js")

pytestmark = pytest.mark.node

Play = Callable[[str], Any]


@pytest.fixture(scope="session")
def scripts() -> Iterator[Path]:
    """The scenarios beside an installed client."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "js"
        shutil.copytree(SCRIPTS, folder)
        (folder / "node_modules").symlink_to(installed(), target_is_directory=True)
        yield folder


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server listens."""
    folder = tmp_path_factory.mktemp("server")
    with serving("server_host", folder / "tasks.db", folder / "told.log", 0) as served:
        yield served.url


@pytest.fixture
def play(scripts: Path, origin: str) -> Play:
    """Play a scenario; gives back what it returned."""

    def run(scenario: str) -> Any:
        done = subprocess.run(
            ["node", "run.js", origin, scenario],
            cwd=scripts,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_client_that_comes_later_is_sent_what_there_is(play: Play) -> None:
    found = play("replay")
    assert (found["ended"]["status"], found["ended"]["progress"]) == ("Completed", 100)
    assert found["ended"]["completedAt"].endswith("Z")
    assert (found["active"]["status"], found["active"]["progress"]) == ("Running", 25)
    assert found["active"]["payload"] == {"stepNumber": 1}


def test_updates_come_in_order_up_to_the_end(play: Play) -> None:
    updates = play("updates")
    revisions = [item["revision"] for item in updates]
    assert revisions == sorted(set(revisions))
    progress = [item["progress"] for item in updates]
    assert progress == sorted(progress)
    assert {25, 50, 75, 100} <= set(progress)
    assert [item["status"] for item in updates if item["status"] == "Completed"] == ["Completed"]
    assert updates[-1]["status"] == "Completed"
    assert updates[-1].keys() >= {"id", "type", "name", "statusMessage", "payload", "createdAt"}
    assert (updates[-1]["type"], updates[-1]["statusMessage"]) == ("GatedTask", "step 4")


def test_a_cancel_is_acknowledged_whatever_was_sent(play: Play) -> None:
    found = play("cancel")
    assert found["cancelled"]["ok"] is True
    assert found["final"]["cancelRequested"] is True
    for refused in (found["again"], found["unknown"], *found["garbage"]):
        assert refused["ok"] is False
        assert refused["error"]
    assert found["retried"]["ok"] is True


def test_a_refused_client_is_told_why_and_does_not_storm(play: Play) -> None:
    found = play("refused")
    assert len(found["errors"]) == 1
    assert found["errors"][0] not in ("", "xhr poll error", "websocket error", "timeout")
    assert (found["attempts"], found["active"]) == (0, False)


def test_a_client_that_was_away_while_its_task_ended_learns_how(play: Play) -> None:
    final = play("away")
    assert (final["status"], final["payload"]) == ("Completed", {"stepNumber": 4})


def test_the_answer_to_subscribe_carries_the_snapshots(play: Play) -> None:
    found = play("subscribe")
    assert found["subscribed"]["ok"] is True
    (snapshots,) = (item for item in found["subscribed"].values() if isinstance(item, list))
    assert [item["id"] for item in snapshots] == [found["mine"]]
    assert snapshots[0]["progress"] == 25
    assert found["refused"]["ok"] is False
    assert found["left"]["ok"] is True
