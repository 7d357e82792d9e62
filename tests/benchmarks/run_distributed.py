"""What needs PostgreSQL, beside its peers: ``python tests/benchmarks/run_distributed.py``.

Like ``run.py``: environments of its own with the peers from PyPI, each measurement a process of its
own, by turns over several rounds, ratios within a round, one table. A peer that fails says so in
its rows and ends nothing. PostgreSQL and Valkey come from PyPI wheels and are started for the run;
each measurement gets empty databases. PostgreSQL waits for the disk at each commit. Needs nothing
but Python on Linux or macOS.

How throughput is measured is said in ``distributed/driving.py``, each peer's settings in
``distributed/peer_*.py``, bgtasks' own in ``distributed/own_*.py``. Everyone runs on asyncio's own
event loop.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from rounds import CHECKOUT, HERE, Measurement, environment, options_parser, run, turns
from rows import Row

TIMEOUT = 600  # seconds; some need two minutes on a quiet machine
MAIN = "peers_distributed.txt"


def _own(name: str, script: str = "throughput", *arguments: str) -> Measurement:
    return Measurement(f"own_{name}", f"distributed/own_{script}", arguments, MAIN)


def _peer(name: str, *arguments: str, script: str = "", peers: str = MAIN) -> Measurement:
    return Measurement(name, f"distributed/peer_{script or name}", arguments, peers)


IN_TURNS = [
    _own("submit", "submitting", "one_by_one"),
    _peer("pgqueuer_submit", "submit_one_by_one", script="pgqueuer"),
    _peer("procrastinate_submit", "submit_one_by_one", script="procrastinate"),
    Measurement("floor_submit", "distributed/floor_submitting", ("one_by_one",), MAIN),
    _own("submit_bulk", "submitting", "bulk"),
    _peer("pgqueuer_submit_bulk", "submit_bulk", script="pgqueuer"),
    _peer("procrastinate_submit_bulk", "submit_bulk", script="procrastinate"),
    Measurement("floor_submit_bulk", "distributed/floor_submitting", ("bulk",), MAIN),
    _own("noop", "throughput", "noop"),
    _peer("pgqueuer_noop", "noop", script="pgqueuer"),
    _own("noop_two", "throughput", "noop_two"),
    _peer("pgqueuer_noop_two", "noop_two", script="pgqueuer"),
    _peer("procrastinate", "noop"),
    _peer("saq_redis", "redis", script="saq"),
    _peer("saq_postgres", "postgres", script="saq"),
    _peer("streaq"),
    _peer("arq", peers="peers_arq.txt"),
    _peer("dramatiq"),
    _peer("celery", peers="peers_celery.txt"),
    _peer("taskiq"),
    _own("sleep", "throughput", "sleep"),
    _peer("pgqueuer_sleep", "sleep", script="pgqueuer"),
    _own("idle", "throughput", "idle"),
    _peer("pgqueuer_idle", "idle", script="pgqueuer"),
    _own("update_age", "update_age"),
]
ONCE = [
    _own("many_clients", "many_clients"),
    _own("whole", "whole"),
    Measurement("million_tasks", "million_tasks_postgres", (), MAIN),
]

NOOP = ("own_noop", "tasks_per_second")


def _throughput(title: str, peer: str, **target: float | bool) -> Row:
    return Row(
        f"no-op tasks, 1 worker / {title}",
        NOOP,
        "tasks/s",
        (peer, "tasks_per_second"),
        **target,  # type: ignore[arg-type]
    )


def _submitting(how: str, own: str, peer: str, title: str, at_least: float | None = None) -> Row:
    return Row(
        f"submitting {how} / {title}",
        (own, NOOP[1]),
        "tasks/s",
        (peer, NOOP[1]),
        at_least=at_least,
    )


def _many_clients(title: str, figure: str, unit: str, at_most: float | None = None) -> Row:
    name = f"1,000 clients, 200 tasks: {title}"
    return Row(name, ("own_many_clients", figure), unit, at_most=at_most)


def _whole(title: str, figure: str, unit: str, at_least: float | None = None) -> Row:
    name = f"the whole, 1,000 users, 4 workers: {title}"
    return Row(name, ("own_whole", figure), unit, at_least=at_least)


def _million(title: str, figure: str) -> Row:
    return Row(title, ("million_tasks", f"{figure}_many_ms"), "ms", at_most=50)


ONE_BY_ONE = "one by one, 100 callers"
BULK = "1,000 a call"

TABLE = [
    Row(f"submitting {ONE_BY_ONE}", ("own_submit", NOOP[1]), "tasks/s", at_least=12_000),
    _submitting(ONE_BY_ONE, "own_submit", "pgqueuer_submit", "raw PgQueuer", at_least=6),
    _submitting(ONE_BY_ONE, "own_submit", "procrastinate_submit", "Procrastinate"),
    _submitting(ONE_BY_ONE, "own_submit", "floor_submit", "a hand-written insert"),
    Row(f"submitting {BULK}", ("own_submit_bulk", NOOP[1]), "tasks/s", at_least=30_000),
    _submitting(BULK, "own_submit_bulk", "pgqueuer_submit_bulk", "raw PgQueuer"),
    _submitting(BULK, "own_submit_bulk", "procrastinate_submit_bulk", "Procrastinate"),
    _submitting(BULK, "own_submit_bulk", "floor_submit_bulk", "a hand-written insert"),
    _throughput("raw PgQueuer", "pgqueuer_noop", at_least=1),
    _throughput("Procrastinate", "procrastinate", at_least=3),
    _throughput("SAQ on Valkey", "saq_redis", at_least=4.5),
    _throughput("SAQ on PostgreSQL", "saq_postgres", at_least=3),
    _throughput("streaQ", "streaq", at_least=3),
    _throughput("arq", "arq", at_least=3),
    _throughput("Dramatiq", "dramatiq", at_least=3),
    _throughput("Celery, prefork 2", "celery", at_least=3),
    _throughput("taskiq, Redis streams", "taskiq", at_least=1, exclusive=True),
    Row("no-op tasks, 2 workers / 1 worker", ("own_noop_two", NOOP[1]), "tasks/s", NOOP),
    Row(
        "no-op tasks, 2 workers / raw PgQueuer, 2 workers",
        ("own_noop_two", NOOP[1]),
        "tasks/s",
        ("pgqueuer_noop_two", NOOP[1]),
        at_least=0.9,
    ),
    Row(  # the ideal is 2,000/s
        "2,000 tasks of 50 ms, concurrency 100",
        ("own_sleep", NOOP[1]),
        "tasks/s",
        at_least=0.92 * 2_000,
    ),
    Row(
        "2,000 tasks of 50 ms, concurrency 100 / raw PgQueuer",
        ("own_sleep", NOOP[1]),
        "tasks/s",
        ("pgqueuer_sleep", NOOP[1]),
    ),
    Row(
        "run→start, idle, p50 / raw PgQueuer",
        ("own_idle", "p50_ms"),
        "ms",
        ("pgqueuer_idle", "p50_ms"),
        at_most=1,
    ),
    Row("update → other node's client, p50", ("own_update_age", "p50_ms"), "ms", at_most=50),
    Row("update → other node's client, p95", ("own_update_age", "p95_ms"), "ms"),
    _many_clients("CPU of the web node", "cpu_percent", "% of a core"),
    _many_clients("updates delivered", "delivered_per_second", "/s"),
    _many_clients("CPU for each delivered", "cpu_us_per_delivery", "µs"),
    _many_clients("age of an update, p50", "age_p50_ms", "ms"),
    _many_clients("age of an update, p95", "age_p95_ms", "ms", at_most=150),
    _many_clients("final states that did not come", "lost", "states", at_most=0),
    _many_clients("clients that were disconnected", "disconnected", "clients", at_most=0),
    _many_clients("memory of the web node, at most", "memory_mb", "MB"),
    _whole("tasks a second that keep up", NOOP[1], "tasks/s", at_least=500),
    _whole("age of an end in its browser, p50", "end_age_p50_ms", "ms"),
    _whole("age of an end in its browser, p95", "end_age_p95_ms", "ms"),
    _whole("CPU of the web node for each task", "web_us", "µs"),
    _whole("CPU of the workers for each task", "workers_us", "µs"),
    _whole("CPU of PostgreSQL for each task", "server_us", "µs"),
    _whole("CPU of the browsers for each task", "browsers_us", "µs"),
    _million("counting 1,000,000 finished tasks", "count_all"),
    _million("those of a status", "count_status"),
    _million("those of an owner", "count_owner"),
    Row(
        "submitting with a key beside 1,000,000 finished tasks / beside 10,000",
        ("million_tasks", "submit_many"),
        "tasks/s",
        ("million_tasks", "submit_few"),
        at_least=0.8,
    ),
]


class Servers:
    """PostgreSQL and Valkey, in a process that has their wheels; see ``distributed/servers.py``."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._process = subprocess.Popen(
            [python, HERE / "distributed/servers.py", folder],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # ends after what uses it, also at Ctrl-C
        )
        self._answer()

    @contextmanager
    def empty_databases(self) -> Iterator[Mapping[str, str]]:
        """The environment variables that lead to them; those of before are gone."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        yield self._answer()

    def stop(self) -> None:
        """Stop both."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _answer(self) -> dict[str, str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the servers did not start")
        urls: dict[str, str] = json.loads(line)
        return urls


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print the table. 0 if everything ran and, with ``--check``, every target was met."""
    names = [measurement.name for measurement in IN_TURNS + ONCE]
    options = options_parser("bgtasks on PostgreSQL beside its peers", names, 3).parse_args(
        arguments
    )
    rounds = 1 if options.quick else max(options.rounds, 1)

    @cache
    def python_for(peers: str) -> Path:
        return environment(peers, extras=["postgres"] if peers == MAIN else None)

    servers = Servers(python_for(MAIN), options.dir or Path(tempfile.gettempdir()))
    try:
        return run(
            turns(rounds, IN_TURNS, ONCE),
            TABLE,
            options,
            python_for,
            timeout=TIMEOUT,
            around=servers.empty_databases,
        )
    finally:
        servers.stop()


if __name__ == "__main__":
    sys.exit(main())
