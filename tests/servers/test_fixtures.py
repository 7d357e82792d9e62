"""One server for a session, whoever runs the tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.databases import Databases
from tests.servers.fixtures import RUNNING_SERVER

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest
from tests.servers.databases import name_in

@pytest.mark.parametrize("number", range(6))
def test_it(number, postgres_server, empty_database):
    postgres_server.execute("CREATE TABLE things ()", name_in(empty_database))
    with open("seen", "a") as seen:
        print(getattr(postgres_server, "pid", None), postgres_server.url(), file=seen)
"""


def seen_by_tests(folder: Path, *options: str, **environment: str) -> list[str]:
    """What the tests of a session of their own have seen."""
    (folder / "test_it.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  postgres\n")
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.servers.fixtures", "-p", "no:bgtasks"),
            *(f"--basetemp={folder / 'temporary'}", *options),
        ],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
            "PYTHONPATH": os.fspath(ROOT),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    return (folder / "seen").read_text().splitlines()


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres_server")  # skipped where there is none
def test_workers_share_one_server_and_the_last_one_stops_it(tmp_path: Path) -> None:
    seen = seen_by_tests(tmp_path, "-n", "2", **{RUNNING_SERVER: ""})
    assert len(seen) == 6
    assert len(set(seen)) == 1
    pid, _ = seen[0].split()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert not (tmp_path / "temporary" / "postgres").exists()


def test_a_server_that_runs_already_is_used(tmp_path: Path, postgres_server: Databases) -> None:
    seen = seen_by_tests(tmp_path, "-p", "no:xdist", **{RUNNING_SERVER: postgres_server.url()})
    assert set(seen) == {f"None {postgres_server.url()}"}
