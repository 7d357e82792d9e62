"""The application of ``server_host.py`` as ``python -m bgtasks tasks --app`` finds it, with the
database that ``TASKS_DATABASE`` names."""

import os

from tests.hosts.server_host import Application

container = Application()
container.config.from_dict(
    {"background_tasks": {"database": os.environ["TASKS_DATABASE"]}, "seconds": 0.0}
)
