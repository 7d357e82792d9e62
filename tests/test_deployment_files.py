"""The files of examples/deployment name commands, options and settings that exist."""

import argparse
import configparser
import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import uvicorn

sys.path.append(str(Path(__file__).parents[1]))

from bgtasks import Settings
from bgtasks.cli import make_parser
from bgtasks.cli.target import one_task_container
from examples.deployment.settings import settings_from

FOLDER = Path(__file__).parents[1] / "examples" / "deployment"
COMPOSE = (FOLDER / "compose.yaml").read_text("utf-8")
UNITS = sorted(FOLDER.glob("*.service"))
END_AFTER_GRACE = 10.0
"""Seconds for cancelled workers to end, and for threads left behind."""


class Unit(configparser.RawConfigParser):
    """A systemd unit, whose keys have capital letters."""

    def __init__(self, path: Path) -> None:
        super().__init__(comment_prefixes=("#",), delimiters=("=",))
        self.read(path, "utf-8")

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def compose_commands() -> list[list[str]]:
    found = re.findall(r"^ +(?:command|test): (\[.*\])$", COMPOSE, re.MULTILINE)
    commands: list[list[str]] = [json.loads(item) for item in found]
    return [item[1:] if item[0] == "CMD" else item for item in commands]


def unit_commands() -> list[list[str]]:
    commands = [shlex.split(Unit(path)["Service"]["ExecStart"]) for path in UNITS]
    return [[Path(command[0]).name, *command[1:]] for command in commands]


COMMANDS = [*compose_commands(), *unit_commands()]


def ours() -> list[list[str]]:
    """The arguments of ``python -m bgtasks``."""
    return [item[3:] for item in COMMANDS if item[:3] == ["python", "-m", "bgtasks"]]


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    return make_parser(arguments[0]).parse_args(arguments)


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) == 9
    assert {(item[0], item[1]) for item in ours()} >= {("database", "upgrade")}
    assert sum(item[0] == "worker" for item in ours()) == 3


@pytest.mark.parametrize("arguments", ours(), ids=" ".join)
def test_our_commands_are_understood_and_find_their_container(arguments: list[str]) -> None:
    container = one_task_container(parsed(arguments).target)
    assert [item.type_name for item in container.registry()] == ["ReportTask"]


def web_commands() -> list[list[str]]:
    return [item[1:] for item in COMMANDS if item[0] == "uvicorn"]


@pytest.mark.parametrize("arguments", web_commands(), ids=" ".join)
def test_web_nodes_are_started_with_options_that_uvicorn_has(arguments: list[str]) -> None:
    options = [item.replace("%i", "8001") for item in arguments]
    context: Any = uvicorn.main.make_context("uvicorn", options)
    assert context.params["app"] == "examples.deployment.web:app"
    assert context.params["proxy_headers"] is True


def test_what_the_environment_sets_are_settings() -> None:
    lines = (FOLDER / "reports.env.example").read_text("utf-8").splitlines()
    environment = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
    settings = Settings.from_config(settings_from(environment)["background_tasks"])
    assert settings.database.startswith("postgresql://")
    assert not settings.run_tasks
    known = {name for name in settings_source_names() if name.isupper()}
    assert environment.keys() <= known
    assert set(re.findall(r"^    (\w+): \S", COMPOSE, re.MULTILINE)) & known >= {
        "BGTASKS_DATABASE",
        "APP_PASSWORD",
        "SESSION_SECRET",
    }


def settings_source_names() -> set[str]:
    """Every name that the application asks the environment for."""
    return set(re.findall(r'environment\.get\("(\w+)"', (FOLDER / "settings.py").read_text()))


def test_every_service_that_is_waited_for_is_there() -> None:
    services = COMPOSE.partition("\nservices:\n")[2].partition("\nvolumes:")[0]
    names = set(re.findall(r"^  (\w+):$", services, re.MULTILINE))
    assert names == {"postgres", "upgrade", "web1", "web2", "worker1", "worker2", "nginx"}
    waited_for = re.findall(r"^ +(\w+):\n +condition:", COMPOSE, re.MULTILINE)
    assert set(waited_for) <= names
    config = (FOLDER / "nginx.conf").read_text("utf-8")
    assert set(re.findall(r"server (\w+):8000", config)) == {"web1", "web2"}


def test_what_is_mounted_and_copied_exists() -> None:
    assert "./nginx.conf:/etc/nginx/nginx.conf:ro" in COMPOSE
    dockerfile = (FOLDER / "Dockerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (.*) \S+$", dockerfile, re.MULTILINE):
        for name in line.split():
            assert (FOLDER.parents[1] / name).exists()
    assert (FOLDER / re.findall(r"context: (\S+)", COMPOSE)[0]).resolve() == FOLDER.parents[1]


def test_a_stop_gets_longer_than_its_workers_do() -> None:
    grace = Settings.from_config(settings_from({})["background_tasks"]).stop_grace
    needed = grace + END_AFTER_GRACE
    given = [int(item) for item in re.findall(r"stop_grace_period: (\d+)s", COMPOSE)]
    assert len(given) == 2
    assert min(given) > needed
    for path in UNITS:
        service = Unit(path)["Service"]
        if service.get("Type") != "oneshot":
            assert int(service["TimeoutStopSec"]) > needed
            assert service["KillSignal"] == "SIGTERM"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_need_units_that_exist(path: Path) -> None:
    unit = Unit(path)
    assert unit["Unit"]["Description"]
    for name in unit["Unit"].get("Requires", "").split():
        assert (FOLDER / name).is_file()
