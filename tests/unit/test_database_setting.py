"""The setting ``database``: what it may be, and that its password is shown nowhere. FAULTS 28."""

import sys
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgtasks import Settings, SettingsError
from bgtasks.cli import main

SECRET = "hunter2"

ACCEPTED = [
    ("postgresql://ann:hunter2@db/tasks", "postgresql://ann:hunter2@db/tasks"),
    ("postgres://ann:hunter2@db:5433/tasks", "postgresql://ann:hunter2@db:5433/tasks"),
    ("postgresql+asyncpg://ann:hunter2@db/tasks", "postgresql://ann:hunter2@db/tasks"),
    ("postgresql+psycopg://ann@db/tasks", "postgresql://ann@db/tasks"),
    ("postgresql+psycopg2://db", "postgresql://db"),
    ("POSTGRESQL://db/Tasks", "postgresql://db/Tasks"),
    (" postgresql://db/tasks\n", "postgresql://db/tasks"),
    ("postgresql:///tasks?host=/run/postgresql", "postgresql:///tasks?host=/run/postgresql"),
    ("postgresql://a:1,b:2,[::1]:3/tasks", "postgresql://a:1,b:2,[::1]:3/tasks"),
    ("postgresql+asyncpg://db/t?ssl=require", "postgresql://db/t?sslmode=require"),
    ("postgresql+asyncpg://db/t?prepared_statement_cache_size=0", "postgresql://db/t"),
    ("postgresql://ann:a:b%40c@db/t", "postgresql://ann:a%3Ab%40c@db/t"),
    ("postgresql://ann:[50%]!@db/t", "postgresql://ann:%5B50%25%5D%21@db/t"),
    ("sqlite:///tasks.db", "tasks.db"),
    ("sqlite+aiosqlite:////var/lib/tasks.db", "/var/lib/tasks.db"),
    ("sqlite://", ":memory:"),
    ("sqlite:///:memory:", ":memory:"),
    ("C:\\data\\a@b\\tasks.db", "C:\\data\\a@b\\tasks.db"),
    ("tasks=1.db", "tasks=1.db"),
    ("tasks 1:2.db", "tasks 1:2.db"),
]

REFUSED = [
    # An unescaped character takes the rest of the password for something else.
    "postgresql://ann:hunter2/x@db/tasks",
    "postgresql://ann:x/hunter2@db/tasks",
    "postgresql://ann:12/hunter2@db/tasks",
    "postgresql://ann:hunter2#x@db/tasks",
    "postgresql://ann:x#hunter2@db/tasks",
    "postgresql://ann:hunter2?x@db/tasks",
    "postgresql://ann:12?hunter2@db/tasks",
    "postgresql://ann:x?a=hunter2@db/tasks",
    "postgresql://ann:hunter2@x@db/tasks",
    "postgresql://ann:x@hunter2@db/tasks",
    "postgresql://ann:x hunter2@db/tasks",
    "postgresql://ann:x\nhunter2@db/tasks",
    "postgresql://ann:hunter2%00@db/tasks",
    "postgresql://ann:hunter2\udcff@db/tasks",
    "postgresql://ann:hunter2",
    "postgresql://ann:hunter2/tasks",
    "postgresql://ann:hunter2@db:x/tasks",
    "postgresql://ann:hunter2@db:99999/tasks",
    "postgresql://ann:hunter2@[::1/tasks",
    "postgresql://ann:hunter2@d\u2100b/tasks",
    "postgresql://ann:hunter2@db/tasks?hunter2",
    "postgresql://ann:hunter2@db/tasks?password=x@hunter2",
    # Other databases, and no scheme that is known.
    "mysql://ann:hunter2@db/tasks",
    "mysql+pymysql://ann:hunter2@db/tasks",
    "sqlite://ann:hunter2@db/tasks",
    "jdbc:postgresql://db/tasks?user=ann&password=hunter2",
    "://ann:hunter2@db/tasks",
    "ann:hunter2@db://tasks",
    # No URL, and no file either.
    "host=db user=ann password=hunter2",
    "password=hunter2 host=db",
    "dbname = tasks password = 'a hunter2'",
    "Server=db;Database=tasks;User Id=ann;Password=hunter2;",
    "postgresql:ann:hunter2@db/tasks",
    "postgresql:/ann:hunter2@db/tasks",
    "ann:hunter2@db/tasks",
    "//ann:hunter2@db/tasks",
]


def everything_said(error: BaseException | None) -> str:
    """Of an error and of all that it came from, shown or not."""
    said = []
    while error is not None:
        said += traceback.format_exception_only(error)
        said.append(repr(error.args))
        error = error.__cause__ or error.__context__
    return "\n".join(said)


@pytest.mark.parametrize(("given_", "meant"), ACCEPTED)
def test_what_is_accepted_means_one_thing_however_it_is_written(given_: str, meant: str) -> None:
    database = Settings(database=given_).database
    assert database == meant
    assert Settings(database=database).database == meant


@pytest.mark.parametrize("database", REFUSED)
def test_what_is_no_database_is_refused_without_the_password(database: str) -> None:
    with pytest.raises(SettingsError, match=r"^setting 'database' is ") as caught:
        Settings.from_config({"database": database})
    said = everything_said(caught.value)
    assert SECRET not in said
    assert "postgresql://user:password@host:port/name" in said or "sqlite:///file" in said


@pytest.mark.parametrize("character", "/#?@ ")
def test_an_unescaped_character_in_the_password_is_said_to_need_encoding(character: str) -> None:
    with pytest.raises(SettingsError, match="must be percent-encoded"):
        Settings(database=f"postgresql://ann:hun{character}ter2@db/tasks")


@pytest.mark.parametrize("database", ["a\nb.db", "tasks.db\n", "\x7f", "postgresql://db/a\nb"])
def test_a_name_with_a_control_character_is_refused(database: str) -> None:
    if database.startswith("postgres"):
        database += "c"
    with pytest.raises(SettingsError, match="'database'"):
        Settings(database=database)


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://ann:hunter2@db/tasks?sslmode=require",
        "postgresql+asyncpg://:hunter2@db/tasks",
        "postgresql://ann@db/tasks?password=hunter2&sslpassword=hunter2",
        "postgresql://db/tasks?passfile=/run/hunter2",
    ],
)
def test_the_repr_of_settings_hides_the_password(database: str) -> None:
    shown = repr(Settings(database=database))
    assert SECRET not in shown
    assert "***" in shown
    assert "db/tasks" in shown


def test_the_repr_shows_what_is_no_secret() -> None:
    assert "database='tasks.db'" in repr(Settings(database="tasks.db"))
    assert "'postgresql://ann@db:1/tasks'" in repr(Settings(database="postgresql://ann@db:1/tasks"))


@pytest.mark.parametrize(
    "config",
    [
        "postgresql://ann:hunter2@db/tasks",
        {"postgresql://ann:hunter2@db/tasks": True},
        {"database_url": "postgresql://ann:hunter2@db/tasks"},
        {"max_concurrency": "postgresql://ann:hunter2@db/tasks"},
        {"run_tasks": "host=db password=hunter2"},
        {"stop_grace": "postgresql://ann:hunter2"},
        {"types": ["postgresql://ann:hunter2@db/tasks", 5]},
        {"allowed_origins": ["https://ann:hunter2@app.example/"]},
        {"database": {"host": "db", "password": "hunter2"}},
        {"database": b"postgresql://ann:hunter2@db/tasks"},
    ],
)
def test_a_password_in_the_wrong_place_is_not_shown_either(config: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_config(config)
    assert SECRET not in everything_said(caught.value)


ODD = st.text(st.sampled_from("aZ1/#?@: %[]!'\"\\&=+;\n\t\u2100é\udcff"), min_size=1, max_size=12)


@given(password=ODD, scheme=st.sampled_from(["postgresql", "postgres", "postgresql+asyncpg"]))
def test_a_password_is_understood_as_written_or_refused_and_never_shown(
    password: str, scheme: str
) -> None:
    marked = f"XQ{password}QX"
    try:
        settings = Settings(database=f"{scheme}://ann:{marked}@db/tasks")
    except SettingsError as error:
        said = everything_said(error)
    else:
        parts = urlsplit(settings.database)
        assert (parts.hostname, parts.path) == ("db", "/tasks")
        assert unquote(parts.password or "") == unquote(marked)
        said = repr(settings)
    assert "XQ" not in said
    assert "QX" not in said


def attempts() -> Iterator[list[str]]:
    for database in REFUSED:
        if database.isprintable():
            yield ["database", "check", "--url", database]
            yield ["database", "upgrade", database]
            yield ["database", "import", database, "--url", "postgresql://db/tasks"]
            yield ["database", "check", "myapp:container", database]
            yield ["worker", database]
            yield ["tasks", "list", "--url", database]
            yield ["tasks", "list", "--app", database]
            yield [database]


@pytest.mark.parametrize("arguments", list(attempts()), ids=" ".join)
def test_no_command_says_the_password(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as error:
        code = int(error.code or 0)
    assert code in (1, 2)
    written = capsys.readouterr()
    assert written.err
    assert SECRET not in written.err + written.out


def test_an_application_that_shows_the_url_in_its_own_error_is_not_quoted(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaking_app.py").write_text(
        "raise ValueError('cannot parse postgresql://ann:hunter2@db/tasks')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["worker", "leaking_app:container"]) == 2
    sys.modules.pop("leaking_app", None)
    error = capsys.readouterr().err
    assert "cannot parse" in error
    assert SECRET not in error
