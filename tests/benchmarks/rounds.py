"""What a run is made of: environments with the peers, measurements by turns, and a table."""

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rows import Figures, Results, Row, readable, table

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


@dataclass(frozen=True)
class Measurement:
    """A script that prints its figures; ``peers`` names the file of what it needs installed."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    peers: str = "peers.txt"


Step = tuple[int, Measurement]  # the number of its round


def turns(rounds: int, each: Sequence[Measurement], once: Sequence[Measurement]) -> list[Step]:
    """A B C A B C ..., and at the end what says the same each time."""
    plan = [(number, measurement) for number in range(rounds) for measurement in each]
    return plan + [(rounds - 1, measurement) for measurement in once]


def environment(
    peers: str, folder: Path | None = None, *, extras: Sequence[str] | None = ()
) -> Path:
    """The Python of an environment with the peers and what bgtasks depends on.

    bgtasks itself is taken from the checkout, through ``PYTHONPATH``; ``extras`` are those of its
    that are needed, ``None`` where bgtasks is not.
    """
    dependencies = [] if extras is None else _dependencies(extras)
    wanted = (HERE / peers).read_text("utf-8") + "\n".join(dependencies) + "\n"
    if folder is None:
        digest = hashlib.sha256((wanted + sys.version).encode()).hexdigest()[:12]
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = cache / "bgtasks-benchmarks" / digest
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_text("utf-8") != wanted:
        say(f"Installing the peers from PyPI into {folder}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        requirements = folder / "requirements.txt"
        requirements.write_text(wanted, "utf-8")
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-r", str(requirements)], check=True)
        installed.write_text(wanted, "utf-8")
    return python


def _dependencies(extras: Sequence[str]) -> list[str]:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(one for extra in extras for one in optional[extra])]


def measure(
    python: Path,
    measurement: Measurement,
    folder: Path,
    *,
    quick: bool,
    timeout: float,
    variables: Mapping[str, str],
) -> Figures | None:
    """The figures of one measurement; ``None`` if it failed."""
    name = measurement.name
    arguments = [*measurement.arguments, *(["--quick"] if quick else [])]
    paths = os.pathsep.join([str(CHECKOUT), str(HERE)])
    with tempfile.TemporaryDirectory(dir=folder) as own:
        started = time.perf_counter()
        process = subprocess.Popen(
            [python, HERE / f"{measurement.script}.py", *arguments],
            env={**os.environ, **variables, "PYTHONPATH": paths, "TMPDIR": own},
            cwd=own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            say(f"  {name}: took longer than {timeout:.0f} s")
            return None
        finally:
            _end(process)
    lines = output.splitlines()
    if process.returncode != 0 or not lines:
        say(f"  {name}: failed\n{errors}")
        return None
    figures: Figures = json.loads(lines[-1])
    shown = ", ".join(f"{each} {readable(value)}" for each, value in figures.items())
    say(f"  {name} ({time.perf_counter() - started:.0f} s): {shown}")
    return figures


def _end(process: "subprocess.Popen[str]") -> None:
    """End it, and what it has started and left behind."""
    if os.name == "nt":
        process.kill()
    else:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            return
    process.wait()


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


def say(text: str) -> None:
    """Tell whoever waits, at once."""
    print(text, flush=True)


def options_parser(description: str, names: Iterable[str], rounds: int) -> argparse.ArgumentParser:
    """The options that every run has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help=f"only measurements whose names begin so; may be repeated. {', '.join(names)}",
    )
    parser.add_argument("--rounds", type=int, default=rounds, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="does it run? not for quoting")
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 if a target is missed; names the rows"
    )
    parser.add_argument("--dir", type=Path, metavar="DIR", help="the disk to measure on")
    return parser


def run(
    plan: Sequence[Step],
    rows: Sequence[Row],
    options: argparse.Namespace,
    python_for: Callable[[str], Path],
    *,
    timeout: float,
    around: Callable[[], AbstractContextManager[Mapping[str, str]]],
) -> int:
    """Run, and print the table. 0 if everything ran and, with ``--check``, every target was met.

    ``around`` is entered for each measurement and gives the environment variables it needs.
    """
    folder = options.dir or Path(tempfile.gettempdir())
    if options.only:
        wanted = [step for step in plan if step[1].name.startswith(tuple(options.only))]
        if not wanted:
            names = ", ".join(sorted({measurement.name for _, measurement in plan}))
            sys.exit(f"--only is {' '.join(options.only)}; accepted: how a name begins: {names}")
        plan = wanted
    about = machine(folder)
    say(about)
    began = time.perf_counter()
    results: Results = {}
    failed: set[str] = set()
    announced = None
    for number, measurement in plan:
        if number != announced:
            announced = number
            say(f"Round {number + 1} of {plan[-1][0] + 1}")
        with around() as variables:
            figures = measure(
                python_for(measurement.peers),
                measurement,
                folder,
                quick=options.quick,
                timeout=timeout,
                variables=variables,
            )
        if figures is None:
            failed.add(measurement.name)
        else:
            results.setdefault(measurement.name, {})[number] = figures
    minutes = (time.perf_counter() - began) / 60
    say(f"\n{table(rows, results, failed)}\n")
    say(f"{about}; rounds: {plan[-1][0] + 1}, in {minutes:.0f} minutes")
    if options.quick:
        say("A quick run: these figures say that everything runs, and nothing else.")
    missed = [text for row in rows if (text := row.missed(results))] if options.check else []
    for text in missed:
        say(f"Missed: {text}")
    return 1 if failed or missed else 0
