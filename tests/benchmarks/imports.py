"""What it costs to have bgtasks: CPU and memory of imports, of the pytest plugin, of a command.

Each is a process of its own; by turns, and the least of several, as whatever else runs only adds.
"""

import json
import resource
import subprocess
import sys

from measuring import QUICK, answer

TURNS = 2 if QUICK else 7

IMPORTING = """
import time
{setup}
def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1024**2
before = megabytes()
started = time.process_time()
{statement}
used = time.process_time() - started
print([used * 1000, megabytes() - before])
"""

STATEMENTS = {  # the second in each pair is what is there already
    "package": ("import bgtasks", ""),
    "container": ("from bgtasks import BackgroundTasksContainer", ""),
    "plugin": ("import bgtasks.testing.plugin", "import pytest"),
}

COMMANDS = {
    "version": ["-m", "bgtasks", "--version"],
    "tasks_help": ["-m", "bgtasks", "tasks", "--help"],
    # Nobody answers there: what is measured is everything up to the first request.
    "tasks_list": ["-m", "bgtasks", "tasks", "list", "--url", "http://127.0.0.1:9/nothing"],
}


def importing(statement: str, setup: str) -> tuple[float, float]:
    """Milliseconds of CPU and MB for one statement, in a new interpreter."""
    code = IMPORTING.format(statement=statement, setup=setup)
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    milliseconds, megabytes = json.loads(output)
    return milliseconds, megabytes


def cpu_of(arguments: list[str]) -> float:
    """Milliseconds of CPU of one process from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check="list" not in arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main() -> None:
    figures: dict[str, float] = {}
    for _ in range(TURNS):
        for name, (statement, setup) in STATEMENTS.items():
            milliseconds, megabytes = importing(statement, setup)
            figures[f"{name}_ms"] = min(figures.get(f"{name}_ms", milliseconds), milliseconds)
            figures[f"{name}_mb"] = min(figures.get(f"{name}_mb", megabytes), megabytes)
        for name, arguments in COMMANDS.items():
            used = cpu_of(arguments)
            figures[f"{name}_ms"] = min(figures.get(f"{name}_ms", used), used)
    answer(**figures)


main()
