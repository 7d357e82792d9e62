"""All benchmarks in one run, as one table: ``python tests/benchmarks/run.py``.

Makes a virtual environment of its own with the peers from PyPI (kept for the next run), then
runs each measurement as a process of its own, by turns over several rounds (A B C A B C ...), so
that a slow minute hits all alike. A ratio is taken within each round; the table shows medians and
says of each target whether it was met. Needs nothing but Python.
"""

import argparse
import hashlib
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]

IN_TURNS = [
    "throughput_floor",
    "throughput_bgtasks",
    "throughput_huey",
    "throughput_dbos",
    "throughput_taskiq",
    "report_progress",
    "start_latency",
    "scope",
    "fan_out",
    "end_to_end",
]
ONCE = ["million_tasks", "slow_client"]  # say the same each time
TIMEOUT = 300

Figures = dict[str, float]
Results = dict[str, dict[int, Figures]]  # script, round


@dataclass
class Row:
    """One line of the table: a figure, what stands beside it, and what was promised.

    ``figure`` and ``beside`` name a script and one of its figures. The target is for the ratio,
    figure / beside, or for the figure itself where nothing stands beside it.
    """

    title: str
    figure: tuple[str, str]
    unit: str
    beside: tuple[str, str] | None = None
    at_least: float | None = None
    at_most: float | None = None
    exclusive: bool = False

    def cells(self, results: Results) -> list[str] | None:
        """The texts of this line; ``None`` where it was not measured."""
        values = _by_round(results, self.figure)
        if not values:
            return None
        cells = [self.title, self._text(values.values())]
        judged = list(values.values())
        if self.beside is None:
            cells += ["", ""]
        else:
            others = _by_round(results, self.beside)
            judged = [values[number] / others[number] for number in values if number in others]
            if not judged:
                return None
            cells += [self._text(others.values()), _spread(judged)]
        return [*cells, *self._verdict(statistics.median(judged))]

    def _verdict(self, value: float) -> tuple[str, str]:
        unit = "" if self.beside else f" {self.unit}"
        if self.at_least is not None:
            sign, limit, met = "≥", self.at_least, value >= self.at_least
        elif self.at_most is not None:
            sign, limit, met = "≤", self.at_most, value <= self.at_most
        else:
            return "", ""
        if self.exclusive:
            sign, met = sign.translate({ord("≥"): ">", ord("≤"): "<"}), met and value != limit
        return f"{sign} {_number(limit)}{unit}", "met" if met else f"MISSED: {_number(value)}"

    def _text(self, values: Iterable[float]) -> str:
        return f"{_number(statistics.median(values))} {self.unit}"


def _bgtasks_beside(title: str, script: str, figure: str, **target: float | bool) -> Row:
    own = ("throughput_bgtasks", "tasks_per_second")
    return Row(title, own, "tasks/s", (script, figure), **target)  # type: ignore[arg-type]


def _page(title: str, name: str) -> Row:
    few, many = ("million_tasks", f"{name}_few_ms"), ("million_tasks", f"{name}_many_ms")
    return Row(f"page, many / 1,000 tasks: {title}", many, "ms", few, at_most=2)


TABLE = [
    _bgtasks_beside("run→Completed / DBOS on SQLite", "throughput_dbos", "best", at_least=10),
    _bgtasks_beside(
        "run→Completed / Huey on SQLite", "throughput_huey", "best", at_least=1, exclusive=True
    ),
    _bgtasks_beside(
        "run→Completed / by hand, same 2 writes", "throughput_floor", "two_writes", at_least=0.4
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
    _bgtasks_beside(
        "run→Completed / taskiq InMemory, keeps nothing", "throughput_taskiq", "tasks_per_second"
    ),
    *(
        Row(
            f"report_progress{with_what} / emit to one client",
            ("report_progress", f"report{suffix}_us"),
            "µs",
            ("report_progress", "emit_us"),
            at_most=1 / 15,
        )
        for with_what, suffix in [
            ("", ""),
            (" with a message", "_message"),
            (" with message and payload", "_payload"),
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
            f"one update to {clients:,} clients / emit",
            ("fan_out", f"update_{clients}_us"),
            "µs",
            ("fan_out", f"emit_{clients}_us"),
            at_most=at_most,
        )
        for clients, at_most in [(1, None), (100, None), (1000, 1 / 10)]
    ),
    Row(
        "server CPU per delivered message, 100 clients / bare emit",
        ("end_to_end", "bgtasks_us"),
        "µs",
        ("end_to_end", "emit_us"),
        at_most=1.1,
    ),
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
    Row(
        "memory for many finished tasks",
        ("million_tasks", "growth_mb"),
        "MB",
        at_most=50,
        exclusive=True,
    ),
]


def _by_round(results: Results, figure: tuple[str, str]) -> dict[int, float]:
    script, name = figure
    return {number: figures[name] for number, figures in results.get(script, {}).items()}


def _number(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _spread(ratios: list[float]) -> str:
    median = _number(statistics.median(ratios))
    if len(ratios) == 1:
        return median
    return f"{median} ({_number(min(ratios))} to {_number(max(ratios))})"


def environment(folder: Path | None) -> Path:
    """The Python of an environment with the peers and what bgtasks depends on.

    bgtasks itself is taken from the checkout, through ``PYTHONPATH``.
    """
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = (HERE / "peers.txt").read_text("utf-8") + "\n".join(project["dependencies"]) + "\n"
    if folder is None:
        digest = hashlib.sha256((wanted + sys.version).encode()).hexdigest()[:12]
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = cache / "bgtasks-benchmarks" / digest
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_text("utf-8") != wanted:
        _say(f"Installing the peers from PyPI into {folder}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        requirements = folder / "requirements.txt"
        requirements.write_text(wanted, "utf-8")
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-r", str(requirements)], check=True)
        installed.write_text(wanted, "utf-8")
    return python


def run_script(python: Path, script: str, folder: Path, *, quick: bool) -> Figures | None:
    """The figures of one measurement; ``None`` if it failed."""
    with tempfile.TemporaryDirectory(dir=folder) as databases:
        started = time.perf_counter()
        try:
            done = subprocess.run(
                [python, HERE / f"{script}.py", *(["--quick"] if quick else [])],
                env={**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": databases},
                cwd=databases,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            _say(f"  {script}: took longer than {TIMEOUT} s")
            return None
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        _say(f"  {script}: failed\n{done.stderr}")
        return None
    figures: Figures = json.loads(lines[-1])
    shown = ", ".join(f"{name} {_number(value)}" for name, value in figures.items())
    _say(f"  {script} ({time.perf_counter() - started:.0f} s): {shown}")
    return figures


def machine(folder: Path) -> str:
    """What the figures were taken on."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    parts = [
        f"{cores} cores",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"fsync {_fsync_ms(folder):.2g} ms",
    ]
    if hasattr(os, "getloadavg"):
        parts.append(f"load before the run {os.getloadavg()[0]:.1f}")
    return ", ".join(parts)


def _fsync_ms(folder: Path) -> float:
    """What durability costs here: one page written and synced."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(100):
            started = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def table(results: Results) -> str:
    """The table, in Markdown."""
    head = ["figure", "bgtasks", "beside", "ratio (from to)", "target", ""]
    lines = [head] + [cells for row in TABLE if (cells := row.cells(results))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)


def _say(text: str) -> None:
    print(text, flush=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="bgtasks beside its peers, as ratios")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help=f"only scripts whose names begin so; may be repeated. {', '.join(IN_TURNS + ONCE)}",
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--quick", action="store_true", help="does it run? not for quoting")
    parser.add_argument("--env", type=Path, metavar="DIR", help="where the peers are installed")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="the disk to measure on")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print the table. 0 if everything ran, whether or not a target was missed."""
    options = _arguments(arguments)
    rounds = 1 if options.quick else max(options.rounds, 1)
    folder = options.dir or Path(tempfile.gettempdir())
    python = environment(options.env)
    plan = [(number, script) for number in range(rounds) for script in IN_TURNS]
    plan += [(rounds - 1, script) for script in ONCE]
    if options.only:
        plan = [(number, name) for number, name in plan if name.startswith(tuple(options.only))]
    about = machine(folder)
    _say(about)
    results: Results = {}
    failed = False
    for number, script in plan:
        if script == plan[0][1]:
            _say(f"Round {number + 1} of {rounds}")
        figures = run_script(python, script, folder, quick=options.quick)
        if figures is None:
            failed = True
        else:
            results.setdefault(script, {})[number] = figures
    _say(f"\n{table(results)}\n\n{about}; rounds: {rounds}")
    if options.quick:
        _say("A quick run: these figures say that everything runs, and nothing else.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
