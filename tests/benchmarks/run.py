"""All benchmarks in one run, as one table: ``python tests/benchmarks/run.py``.

Makes a virtual environment of its own with the peers from PyPI (kept for the next run), then
runs each measurement as a process of its own, by turns over several rounds (A B C A B C ...), so
that a slow minute hits all alike. A ratio is taken within each round; the table shows medians and
says of each target whether it was met. Needs nothing but Python.

What needs PostgreSQL is measured by ``run_distributed.py``.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from shutil import which

from rounds import Measurement, environment, options_parser, run, turns
from rows import Row

IN_TURNS = [
    "throughput_floor",
    "throughput_bgtasks",
    "throughput_unique",
    "throughput_huey",
    "throughput_dbos",
    "throughput_taskiq",
    "report_progress",
    "start_latency",
    "scope",
    "fan_out",
    "imports",
    "update_age",
]
# These say the same each time, or go by turns themselves.
ONCE = ["million_tasks", "ten_thousand_schedules", "slow_client", "task_logs"]
if which("valgrind"):
    ONCE.append("instructions")
TUNED = Measurement("throughput_tuned", "throughput_bgtasks", ("--tuned",))

DELIVERING = [
    Measurement(f"end_to_end_{way}_{clients}", "end_to_end", (str(clients), way))
    for way in ("at_once", "frames", "in_turn")
    for clients in (100, 1000)
]
TIMEOUT = 600  # seconds; some need two minutes on a quiet machine


def _bgtasks_beside(title: str, script: str, figure: str, **target: float | bool) -> Row:
    own = ("throughput_bgtasks", "tasks_per_second")
    return Row(title, own, "tasks/s", (script, figure), **target)  # type: ignore[arg-type]


def _page(title: str, name: str) -> Row:
    few, many = ("million_tasks", f"{name}_few_ms"), ("million_tasks", f"{name}_many_ms")
    return Row(f"page, many / 1,000 tasks: {title}", many, "ms", few, at_most=2)


def _delivering(way: str, name: str, clients: int, at_most: float | None = None) -> Row:
    script = f"end_to_end_{name}_{clients}"
    return Row(
        f"server CPU per message, {clients:,} clients, {way} / bare emit",
        (script, "bgtasks_us"),
        "µs",
        (script, "emit_us"),
        at_most=at_most,
    )


TABLE = [
    _bgtasks_beside("run→Completed / DBOS on SQLite", "throughput_dbos", "best", at_least=10),
    _bgtasks_beside(
        "run→Completed / Huey on SQLite", "throughput_huey", "best", at_least=1, exclusive=True
    ),
    _bgtasks_beside(
        "run→Completed / by hand, same 2 writes", "throughput_floor", "two_writes", at_least=0.6
    ),
    Row(
        "the same with the garbage collector tuned",
        ("throughput_tuned", "tasks_per_second"),
        "tasks/s",
        ("throughput_floor", "two_writes"),
        at_least=0.7,
    ),
    _bgtasks_beside(
        "run→Completed / by hand, 3 writes", "throughput_floor", "three_writes", at_least=0.4
    ),
    Row(  # says the same without the noise of what else runs on the machine
        "its CPU time per task / by hand, same 2 writes",
        ("throughput_bgtasks", "cpu_us"),
        "µs",
        ("throughput_floor", "two_writes_cpu_us"),
    ),
    Row(
        "its instructions per task, by valgrind",
        ("instructions", "bgtasks"),
        "instructions",
        at_most=500_000,
    ),
    Row(
        "its instructions per task / by hand, same 2 writes",
        ("instructions", "bgtasks"),
        "instructions",
        ("instructions", "by_hand"),
    ),
    _bgtasks_beside(
        "run→Completed / taskiq InMemory, keeps nothing", "throughput_taskiq", "tasks_per_second"
    ),
    Row(
        "run→Completed with unique= / without",
        ("throughput_unique", "unique"),
        "tasks/s",
        ("throughput_unique", "without"),
        at_least=0.85,
    ),
    Row(
        "attempts that log 1,000 lines each, by turns with attempts of which nothing is kept",
        ("task_logs", "ratio"),
        "of their rate",
        at_least=0.8,
    ),
    Row(
        "the log of a task with ten million lines: read",
        ("task_logs", "read_ms"),
        "ms",
        at_most=200,
    ),
    *(
        Row(
            f"report_progress{with_what} / emit to one client",
            ("report_progress", f"report{suffix}_us"),
            "µs",
            ("report_progress", "emit_us"),
            at_most=at_most,
        )
        for with_what, suffix, at_most in [
            ("", "", 0.017),
            (" with a message", "_message", 1 / 15),
            (" with message and payload", "_payload", 0.05),
        ]
    ),
    Row("run→worker started, idle, p50", ("start_latency", "p50_ms"), "ms", at_most=3),
    Row("run→worker started, idle, p99", ("start_latency", "p99_ms"), "ms"),
    Row(
        "scope opened and closed / bare provider calls",
        ("scope", "with_scope_us"),
        "µs",
        ("scope", "by_hand_us"),
        at_most=1.5,
    ),
    *(
        Row(
            f"one update to {clients:,} clients, until all have it / emit",
            ("fan_out", f"update_{clients}_us"),
            "µs",
            ("fan_out", f"emit_{clients}_us"),
            at_most=at_most,
        )
        for clients, at_most in [(1, None), (100, None), (1000, 1 / 10)]
    ),
    _delivering("at once", "at_once", 100, 0.5),
    _delivering("at once", "at_once", 1000, 0.3),
    _delivering("no compression, shared frames", "frames", 100, 0.16),
    _delivering("no compression, shared frames", "frames", 1000, 0.16),
    _delivering("through the writer", "in_turn", 100),
    _delivering("through the writer", "in_turn", 1000),
    Row("1,000 clients, 5 updates/s: age, p50", ("update_age", "p50_ms"), "ms"),
    Row("1,000 clients, 5 updates/s: age, p95", ("update_age", "p95_ms"), "ms", at_most=150),
    Row("import bgtasks, CPU", ("imports", "package_ms"), "ms", at_most=50),
    Row("import bgtasks, memory", ("imports", "package_mb"), "MB", at_most=15),
    Row("import of the container, CPU", ("imports", "container_ms"), "ms"),
    Row("import of the container, memory", ("imports", "container_mb"), "MB"),
    Row("the pytest plugin in each run, CPU", ("imports", "plugin_ms"), "ms", at_most=30),
    Row("bgtasks --version, CPU", ("imports", "version_ms"), "ms", at_most=300),
    Row("bgtasks tasks --help, CPU", ("imports", "tasks_help_ms"), "ms", at_most=300),
    Row(
        "packets that wait for a client that stopped reading, 50 tasks",
        ("slow_client", "held_packets"),
        "packets",
        at_most=16 + 50,
    ),
    _page("the first", "first"),
    _page("in the middle", "middle"),
    _page("of a type", "type"),
    _page("of a status", "status"),
    _page("of an owner", "owner"),
    _page("of an owner or nobody", "owner_or_nobody"),
    _page("of a type and two statuses", "type_and_status"),
    Row("counting many finished tasks", ("million_tasks", "count_all_many_ms"), "ms", at_most=50),
    Row("those of a status", ("million_tasks", "count_status_many_ms"), "ms", at_most=50),
    Row("those of an owner", ("million_tasks", "count_owner_many_ms"), "ms", at_most=50),
    Row(
        "submitting with a key beside many finished tasks / beside 1,000",
        ("million_tasks", "submit_many"),
        "tasks/s",
        ("million_tasks", "submit_few"),
        at_least=0.8,
    ),
    Row(
        "first start with 10,000 schedules",
        ("ten_thousand_schedules", "first_start_ms"),
        "ms",
        at_most=1_000,
    ),
    Row(
        "a later start with 10,000 schedules",
        ("ten_thousand_schedules", "later_start_ms"),
        "ms",
        at_most=1_000,
    ),
    Row(
        "CPU while no tick comes, 10,000 schedules",
        ("ten_thousand_schedules", "idle_cpu_percent"),
        "% of a core",
        at_most=1,
    ),
    Row(
        "memory for many finished tasks",
        ("million_tasks", "growth_mb"),
        "MB",
        at_most=50,
        exclusive=True,
    ),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print the table. 0 if everything ran and, with ``--check``, every target was met."""
    names = [*IN_TURNS, *(one.name for one in DELIVERING), *ONCE]
    parser = options_parser("bgtasks beside its peers, as ratios", names, rounds=3)
    parser.add_argument("--env", type=Path, metavar="DIR", help="where the peers are installed")
    options = parser.parse_args(arguments)
    plan = turns(
        1 if options.quick else max(options.rounds, 1),
        [*(Measurement(name, name) for name in IN_TURNS), TUNED, *DELIVERING],
        [Measurement(name, name) for name in ONCE],
    )
    python = environment("peers.txt", options.env)
    nothing: Mapping[str, str] = {}
    return run(
        plan,
        TABLE,
        options,
        lambda _: python,
        timeout=TIMEOUT,
        around=lambda: nullcontext(nothing),
    )


if __name__ == "__main__":
    sys.exit(main())
