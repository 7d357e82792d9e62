"""The settings of the shop, as the mapping that the container's ``config`` takes."""

import os
import secrets
from pathlib import Path
from typing import Any

from sqlalchemy import URL


def settings(data: Path, *, task_database: str | None = None, pause: float = 0.0) -> dict[str, Any]:
    """The settings for a data directory, which is made unless it is there.

    ``task_database`` is a postgresql:// URL; without it the tasks are in a file. ``pause`` slows
    exports down, so that they can be watched.
    """
    data = data.expanduser().absolute()
    data.mkdir(parents=True, exist_ok=True)
    (data / ".gitignore").write_text("*\n")  # nothing in here belongs into a repository
    return {
        "database_url": str(URL.create("sqlite+aiosqlite", database=str(data / "shop.db"))),
        "exports": str(data / "exports"),
        "outbox": str(data / "outbox"),
        "session_secret": _secret(data / "session-secret"),
        "export_pause": pause,
        "background_tasks": {
            # The one setting that moves the tasks from one process to many.
            "database": task_database or str(data / "tasks.db"),
            "stop_grace": 2.0,
        },
    }


def settings_from_environment() -> dict[str, Any]:
    """The same from SHOP_DATA and SHOP_TASKS, which is the URL of the tasks' database."""
    data = Path(os.environ.get("SHOP_DATA") or "shop-data")
    return settings(data, task_database=os.environ.get("SHOP_TASKS") or None)


def _secret(file: Path) -> str:
    """What session cookies are signed with: kept, so that a restart logs nobody out."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe())
    return file.read_text()
