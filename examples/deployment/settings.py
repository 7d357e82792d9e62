"""What the environment says: the same for web nodes, workers and ``python -m bgtasks``."""

import os
from collections.abc import Mapping
from typing import Any


def settings_from(environment: Mapping[str, str]) -> dict[str, Any]:
    """The mapping that the container's ``config`` takes.

    BGTASKS_DATABASE is a postgresql:// URL. SESSION_SECRET signs the cookies: with the same secret
    on every web node it does not matter which of them a request reaches.
    """
    return {
        "background_tasks": {
            "database": environment.get("BGTASKS_DATABASE", "reports.db"),
            # A web node hands tasks in and shows them; `python -m bgtasks worker` runs them.
            "run_tasks": environment.get("BGTASKS_RUN_TASKS", "false"),
            "stop_grace": environment.get("BGTASKS_STOP_GRACE", "10"),
            "heartbeat_timeout": environment.get("BGTASKS_HEARTBEAT_TIMEOUT", "30"),
            "database_connections": environment.get("BGTASKS_DATABASE_CONNECTIONS", "5"),
        },
        "password": environment.get("APP_PASSWORD", ""),
        "session_secret": environment.get("SESSION_SECRET", ""),
    }


def from_environment() -> dict[str, Any]:
    """The same for this process."""
    return settings_from(os.environ)
