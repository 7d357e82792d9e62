"""Each setting: what it accepts, also as text, and how it refuses the rest."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bgtasks import Settings, SettingsError

GOOD: list[tuple[str, Any, Any]] = [
    ("database", "tasks.db", "tasks.db"),
    ("database", ":memory:", ":memory:"),
    ("database", Path("/var/tasks.db"), "/var/tasks.db"),
    ("database", "postgresql://host/db", "postgresql://host/db"),
    ("database", "C:\\data\\tasks.db", "C:\\data\\tasks.db"),
    ("max_concurrency", 1, 1),
    ("max_concurrency", "10000", 10_000),
    ("run_tasks", False, False),
    ("run_tasks", "False", False),
    ("run_tasks", "0", False),
    ("run_tasks", " no ", False),
    ("run_tasks", "YES", True),
    ("tasks_outside_transactions", "true", True),
    ("tasks_outside_transactions", False, False),
    ("types", None, None),
    ("types", "A", ("A",)),
    ("types", " A , B,A ", ("A", "B")),
    ("types", ["A", "B"], ("A", "B")),
    ("publish_interval", 0, 0.0),
    ("publish_interval", "0.5", 0.5),
    ("publish_interval", "0.5s", 0.5),
    ("stop_grace", timedelta(minutes=2), 120.0),
    ("stop_grace", "2 minutes", 120.0),
    ("stop_grace", "1.5 m", 90.0),
    ("stop_grace", "30 sec", 30.0),
    ("statistics_retention", "90 days", timedelta(days=90)),
    ("retention", None, None),
    ("retention", "none", None),
    ("retention", "never", None),
    ("retention", "7 days", timedelta(days=7)),
    ("retention", "12H", timedelta(hours=12)),
    ("retention", 60, timedelta(minutes=1)),
    ("retention", timedelta(days=1), timedelta(days=1)),
    ("allowed_origins", "https://a.example, http://b.example:8080",
     ("https://a.example", "http://b.example:8080")),
    ("allowed_origins", ["https://A.example"], ("https://a.example",)),
    ("allowed_origins", "", ()),
]  # fmt: skip

BAD: list[tuple[str, Any, str]] = [
    ("database", "", "a file name"),
    ("database", "  ", "a file name"),
    ("database", None, "a file name"),
    ("database", 5, "a file name"),
    ("database", "a\0b", "a file name"),
    ("max_concurrency", 0, "1 to 10,000"),
    ("max_concurrency", 10_001, "1 to 10,000"),
    ("max_concurrency", True, "a whole number"),
    ("max_concurrency", 1.5, "a whole number"),
    ("max_concurrency", "many", "a whole number"),
    ("max_concurrency", None, "a whole number"),
    ("run_tasks", 1, "true or false"),
    ("run_tasks", "maybe", "true or false"),
    ("run_tasks", None, "true or false"),
    ("tasks_outside_transactions", "perhaps", "true or false"),
    ("tasks_outside_transactions", None, "true or false"),
    ("types", "", "at least one"),
    ("types", (), "leave it out for all of them"),
    ("types", "A,,B", "names of registered task types"),
    ("types", [5], "names of registered task types"),
    ("types", 5, "names of registered task types"),
    ("types", b"A", "names of registered task types"),
    ("publish_interval", -0.1, "seconds from 0 to 60"),
    ("publish_interval", 61, "seconds from 0 to 60"),
    ("publish_interval", float("nan"), "seconds from 0 to 60"),
    ("publish_interval", "fast", "seconds from 0 to 60"),
    ("publish_interval", True, "seconds from 0 to 60"),
    ("stop_grace", "2 hours", "0 to 3,600"),
    ("stop_grace", None, "a text such as"),
    ("stop_grace", timedelta(seconds=-1), "0 to 3,600"),
    ("statistics_retention", "1 day", "from 3 to 400 days"),
    ("statistics_retention", "401 days", "7 days"),
    ("statistics_retention", None, "7 days"),
    ("retention", -1, "7 days"),
    ("retention", float("inf"), "7 days"),
    ("retention", "a while", "7 days"),
    ("retention", True, "7 days"),
    ("retention", "1e400", "7 days"),
    ("allowed_origins", "*", "is not one"),
    ("allowed_origins", ["https://a.example/path"], "a list of origins"),
    ("allowed_origins", [5], "a list of origins"),
    ("allowed_origins", 5, "a list of origins"),
]


def test_every_setting_has_the_documented_default() -> None:
    assert Settings.from_config(None) == Settings.from_config({}) == Settings(
        database="bgtasks.db",
        max_concurrency=100,
        run_tasks=True,
        types=None,
        publish_interval=0.2,
        stop_grace=10,
        retention=timedelta(days=7),
        allowed_origins=(),
    )  # fmt: skip


@pytest.mark.parametrize(("name", "value", "meant"), GOOD)
def test_what_is_accepted_means_what_it_says(name: str, value: Any, meant: Any) -> None:
    assert getattr(Settings.from_config({name: value}), name) == meant


@pytest.mark.parametrize(("name", "value", "accepted"), BAD)
def test_the_rest_is_refused_by_name_with_the_value_and_what_is_accepted(
    name: str, value: Any, accepted: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_config({name: value})
    message = str(caught.value)
    assert message.startswith(f"setting '{name}' is ")
    assert repr(value[0] if isinstance(value, list) else value) in message
    assert accepted in message


def test_a_name_that_is_no_setting_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'databse'; accepted: database, max"):
        Settings.from_config({"databse": "x"})


@pytest.mark.parametrize("config", ["tasks.db", 5, ["database"]])
def test_a_config_that_is_no_mapping_is_refused(config: Any) -> None:
    with pytest.raises(SettingsError, match="mapping"):
        Settings.from_config(config)


def test_a_bad_setting_can_be_caught_as_a_value_error() -> None:
    with pytest.raises(ValueError, match="max_concurrency"):
        Settings(max_concurrency=0)
