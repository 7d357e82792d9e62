"""What the package says its version is. FAULTS 43."""

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import bgtasks
from bgtasks.cli import main

ROOT = Path(bgtasks.__file__).parents[1]


def test_the_package_and_its_metadata_say_the_same() -> None:
    assert bgtasks.__version__ == version("bgtasks-di")


def test_the_command_line_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"bgtasks {bgtasks.__version__}\n"


def test_the_module_can_be_run() -> None:
    command = [sys.executable, "-m", "bgtasks", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == f"bgtasks {bgtasks.__version__}\n"


def test_there_is_a_script_that_goes_by_its_own_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"bgtasks": "bgtasks.cli:main"}
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/bgtasks"])
    assert main(["database", "check"]) == 2
    assert capsys.readouterr().err.startswith("bgtasks database: which database?")
