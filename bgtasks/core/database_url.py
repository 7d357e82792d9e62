"""What the setting ``database`` may be: a file, ``:memory:``, or the URL of a PostgreSQL server.

No message shows a refused value, which may hold a password. Errors of the standard library quote
the URL, so no error is raised here while one of those is handled.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

from bgtasks.core.redaction import redact
from bgtasks.errors import SettingsError

__all__ = ["ACCEPTED_URL", "checked_database", "describe_url", "hide_password", "is_server_address"]

ACCEPTED_URL = "postgresql://user:password@host:port/name"
_ACCEPTED = f"a file name, ':memory:' or {ACCEPTED_URL}"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)
_POSTGRES = re.compile(r"postgres(ql)?(\+\w+)?", re.IGNORECASE)
_SQLITE = re.compile(r"sqlite(\+\w+)?", re.IGNORECASE)
_PARTS = re.compile(r"([^/?]*)(/[^?]*)?(?:\?(.*))?")
_HOST = re.compile(r"(?:\[[0-9a-f:.%]+\]|[^\[\]:]*)(?::(\d*))?", re.IGNORECASE)
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\ud800-\udfff]")
_NO_FILE = (
    # The forms of libpq, ODBC and ADO.NET: host=… password=…
    re.compile(
        r"(?:^|[\s;])(host|hostaddr|server|port|dbname|database|initial catalog|data source|user"
        r"|user id|uid|username|password|passwd|pwd|passfile|service|ssl\w+|application_name"
        r"|connect_timeout|options|target_session_attrs)\s*=",
        re.IGNORECASE,
    ),
    # A scheme without its slashes, or behind another one.
    re.compile(r"(jdbc|postgres\w*|\w*sql\w*)(\+\w+)?:", re.IGNORECASE),
    # user:password@host, but not a Windows drive.
    re.compile(r"/*(?![a-z]:[\\/])[^/\\@:\s]+:[^@]*@", re.IGNORECASE),
)
_SQLALCHEMY_ONLY = (
    "async_fallback",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
)


def checked_database(value: Any) -> str:
    """``value`` in its normal form: a file, ``:memory:``, or a ``postgresql://`` URL whose
    user and password are percent-encoded. Checking that form again changes nothing.

    URLs as SQLAlchemy writes them are accepted (``postgresql+asyncpg://``, ``sqlite:///file``).
    Raises SettingsError.
    """
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str):
        simple = value is None or isinstance(value, (bool, int, float))
        _refuse(repr(value) if simple else f"a {type(value).__name__}", _ACCEPTED)
    scheme, slashes, rest = value.strip().partition("://")
    if slashes:
        return _checked_url(scheme, rest)
    if is_server_address(value):
        _refuse(
            "no file name, but the address of a server",
            f"it written as {ACCEPTED_URL}, everything odd in the password percent-encoded",
        )
    if not value.strip() or _UNWRITABLE.search(value):
        _refuse(redact(repr(value)), _ACCEPTED)
    return value


def is_server_address(text: str) -> bool:
    """Whether ``text`` is meant for a database server, in any notation; such a text may contain
    a password."""
    text = text.strip()
    return (
        "://" in text
        or _NO_FILE[0].search(text) is not None
        or any(pattern.match(text) for pattern in _NO_FILE[1:])
    )


def describe_url(url: str) -> str:
    """The server and the database in ``url``, without user and password, for messages."""
    try:
        parts = urlsplit(checked_database(url))
    except ValueError:
        return "the given URL"
    return f"{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"


def hide_password(database: str) -> str:
    """A checked ``database`` for people to read."""
    if "://" not in database:
        return database
    text = re.sub(r"(://[^:@/]*):[^@/]*@", r"\1:***@", database)
    return re.sub(r"([?&]\w*(?:pass|pwd|secret|token)\w*=)[^&]*", r"\1***", text, flags=re.I)


def _checked_url(scheme: str, rest: str) -> str:
    if _SQLITE.fullmatch(scheme):
        return _sqlite_file(rest)
    if not _POSTGRES.fullmatch(scheme):
        what = f"a {scheme}:// URL" if _SCHEME.fullmatch(scheme) else "no URL that can be read"
        _refuse(what, _ACCEPTED)
    if _NOT_IN_URLS.search(rest) or "#" in rest or "%00" in rest:
        _refuse_encoding("has a space, a '#', a control character or no character at all in it")
    parts = _PARTS.fullmatch(rest)
    authority, path, query = parts.groups(default="") if parts else ("", "", "")
    if authority.count("@") > 1 or "@" in path or "@" in query:
        _refuse_encoding("has an '@' behind its host, or more than one")
    login, at, hosts = authority.rpartition("@")
    user, colon, password = login.partition(":")
    _check_hosts(hosts, path)
    encoded = f"{_encoded(user)}{colon}{_encoded(password)}{at}"
    parameters = "&".join(_parameters(query))
    return f"postgresql://{encoded}{hosts}{path}{'?' if parameters else ''}{parameters}"


def _sqlite_file(rest: str) -> str:
    """As SQLAlchemy reads it: three slashes before a relative file, four before an absolute."""
    if rest in ("", "/", "/:memory:"):
        return ":memory:"
    if not rest.startswith("/") or "?" in rest or _UNWRITABLE.search(rest):
        _refuse("an sqlite:// URL with more than a file", "sqlite:///file, or the file name alone")
    return rest[1:]


def _check_hosts(hosts: str, path: str) -> None:
    for host in hosts.split(","):
        match = _HOST.fullmatch(host)
        if match is None or not 0 <= int(match[1] or 0) <= 65535:
            _refuse_encoding("has no port from 1 to 65535 behind its host, or no host")
    if not _can_be_split(f"postgresql://{hosts}{path}"):
        _refuse_encoding("has no host that can be read")


def _can_be_split(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="")


def _parameters(query: str) -> Iterator[str]:
    for parameter in query.split("&") if query else ():
        name, equals, value = parameter.partition("=")
        if not name or not equals:
            _refuse_encoding("has something behind its '?' that is no name=value")
        if name == "ssl":  # SQLAlchemy's name for it with asyncpg
            yield f"sslmode={value}"
        elif name not in _SQLALCHEMY_ONLY:
            yield parameter


def _refuse_encoding(fault: str) -> NoReturn:
    raise SettingsError(
        f"setting 'database' is a postgresql:// URL that {fault}; accepted: {ACCEPTED_URL}. In "
        "user and password whatever is neither letter nor digit must be percent-encoded (@ is %40, "
        "/ is %2F, # is %23, ? is %3F, : is %3A): urllib.parse.quote(password, safe='') does it"
    )


def _refuse(what: str, accepted: str) -> NoReturn:
    raise SettingsError(f"setting 'database' is {what}; accepted: {accepted}")
