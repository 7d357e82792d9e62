"""Where the tasks are: in a running application, or in a database."""

import argparse
import os
from contextlib import AbstractAsyncContextManager

from bgtasks.cli.tasks.client import TaskClient
from bgtasks.cli.usage import UsageError

__all__ = ["Opening", "opening"]

Opening = AbstractAsyncContextManager[TaskClient]


def opening(options: argparse.Namespace) -> Opening:
    """The TaskClient that the options, else the environment, ask for. Raises UsageError."""
    url, app = options.url, options.app
    if not url and not app:
        url, app = os.environ.get("BGTASKS_URL"), os.environ.get("BGTASKS_APP")
        if url and app:
            raise UsageError("BGTASKS_URL and BGTASKS_APP are both set; give --url or --app")
    if url:
        return _over_http(url, options.header)
    if not app:
        raise UsageError(
            "which tasks? Give --url with the address where the running application mounts "
            "background tasks, or --app MODULE:CONTAINER where they are in PostgreSQL"
        )
    if options.header:
        raise UsageError("--header goes with --url; with --app nothing is sent over HTTP")
    return _in_database(app)


# Each imports what it needs: a command over HTTP starts in a fraction of the time that containers
# take to be imported.


def _over_http(url: str, headers: list[str] | None) -> Opening:
    from bgtasks.cli.tasks.http_address import HttpAddress
    from bgtasks.cli.tasks.http_tasks import open_http_tasks

    if headers is None:
        headers = os.environ.get("BGTASKS_HEADERS", "").splitlines()
    return open_http_tasks(HttpAddress.parse(url, [line for line in headers if line.strip()]))


def _in_database(target: str) -> Opening:
    from bgtasks.cli.target import one_task_container
    from bgtasks.cli.tasks.manager_tasks import open_manager_tasks

    return open_manager_tasks(one_task_container(target), target)
