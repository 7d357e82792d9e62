"""The application for ``python -m bgtasks worker tests.acceptance.chaos.worker:application``.

``CHAOS_DATABASE``, ``CHAOS_LOG`` (the file for attempts) and ``CHAOS_NAME`` are required.
"""

import os
from typing import Any

from tests.acceptance.chaos.application import Application

application: Any = Application()
application.config.from_dict(
    {
        "log": os.environ["CHAOS_LOG"],
        "name": os.environ["CHAOS_NAME"],
        "background_tasks": {
            "database": os.environ["CHAOS_DATABASE"],
            "heartbeat_timeout": os.environ.get("CHAOS_HEARTBEAT", "10"),
            "stop_grace": 0.5,
        },
    }
)
