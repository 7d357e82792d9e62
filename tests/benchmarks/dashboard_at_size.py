"""The dashboard beside a million tasks that have ended, of which the newest 300 have payloads of
2 MB (a million of these would be 2 TB): ``python tests/benchmarks/dashboard_at_size.py``.

A real server on SQLite, then one on PostgreSQL, whose event loop is watched all the time; a real
browser opens each page anew, then everything that the pages ask for is asked for. Prints a table,
and all figures as one line of JSON. ``--check`` exits with 1 if a target is missed, ``--only
sqlite`` or ``--only postgres`` takes one of the two. The server's garbage collector works as
docs/how-to/deploy.md recommends, or with ``--collector-as-it-is`` as Python has it.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measuring import CHECKOUT, answer

sys.path.insert(0, str(CHECKOUT))

from at_size.browser import leave_open, open_pages
from at_size.ended_tasks import EndedTasks
from at_size.filled import fill_file, fill_tables
from at_size.questions import Asker, answers
from at_size.report import missed, tables
from attrs import asdict, frozen

from tests.acceptance.browser import launched_browser
from tests.hosts.processes import environment
from tests.servers.postgres import PostgresServer

HOST = Path(__file__).parent / "at_size" / "host.py"
AS_IT_IS = "--collector-as-it-is"
REPORTING = 100
SECONDS = 20


@frozen
class Size:
    """How many tasks there are, how many of them with large payloads."""

    tasks: int = 1_000_000
    large: int = 300


@contextmanager
def sqlite(folder: Path, size: Size) -> Iterator[str]:
    """A filled file."""
    path = folder / "tasks.db"
    fill_file(path, EndedTasks(size.tasks, size.large))
    yield str(path)


@contextmanager
def postgres(folder: Path, size: Size) -> Iterator[str]:
    """A filled database on a server of its own."""
    with PostgresServer(folder / "server") as server:
        url = server.create_database()
        asyncio.run(fill_tables(url, EndedTasks(size.tasks, size.large)))
        yield url


STORES = {"sqlite": sqlite, "postgres": postgres}


@contextmanager
def serving(database: str, options: Sequence[str]) -> Iterator[int]:
    """The port of a server with this database."""
    command = [sys.executable, str(HOST), database, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout is not None
            said, _, port = process.stdout.readline().strip().partition(" ")
            assert said == "serving", "the server did not start"
            yield int(port)
        finally:
            process.terminate()


def measured(name: str, size: Size, host: Sequence[str]) -> dict[str, Any]:
    """All figures of one store."""
    with tempfile.TemporaryDirectory(prefix="bgtasks-at-size-") as folder:
        began = time.perf_counter()
        with STORES[name](Path(folder), size) as database:
            say(f"{name}: filled in {time.perf_counter() - began:.0f} s")
            with serving(database, host) as port, launched_browser() as browser:
                asker = Asker(port)
                wait_until_ready(asker)
                newest = asker.data("tasks", {"limit": 1})["items"][0]["id"]
                found: dict[str, Any] = {"pages": {}, "questions": {}}
                for page, paint in open_pages(browser, port, asker, newest).items():
                    found["pages"][page] = asdict(paint)
                say(f"{name}: pages, {time.perf_counter() - began:.0f} s")
                for question, answered in answers(asker):
                    said = answered if isinstance(answered, str) else asdict(answered)
                    found["questions"][question] = said
                say(f"{name}: questions, {time.perf_counter() - began:.0f} s")
                found["left_open"] = asdict(leave_open(browser, port, asker, REPORTING, SECONDS))
                say(f"{name}: done in {time.perf_counter() - began:.0f} s")
    return found


def wait_until_ready(asker: Asker) -> None:
    """Until the tasks of a file that was just opened have been counted."""
    for path in ("stats", "tasks/counts"):
        asker.ask(path)


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Measure; 0 unless a target is missed that is to be checked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=STORES, action="append", help="one of the two stores")
    parser.add_argument("--quick", action="store_true", help="a tenth: does it run?")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    parser.add_argument(AS_IT_IS, action="store_true", help="the garbage collector untuned")
    options = parser.parse_args()
    host = [AS_IT_IS] if options.collector_as_it_is else []
    size = Size(100_000, 60) if options.quick else Size()
    found = {name: measured(name, size, host) for name in options.only or STORES}
    print(tables(found))
    misses = missed(found)
    for text in misses:
        say(f"Missed: {text}")
    answer(tasks=size.tasks, large=size.large, **found)
    return 1 if options.check and misses else 0


if __name__ == "__main__":
    sys.exit(main())
