"""The recipes for frameworks: the blocks of a page of the documentation, each a file."""

import json
import re
import shutil
from pathlib import Path

from .node import CLIENT, installed, run, tsc

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"

BLOCK = re.compile(r"^```\w+\n(?://|<!--) (\S+)(?: -->)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

TASKS = """\
export interface CopyProgress { readonly copiedBytes: number; readonly currentPath: string | null }
export interface BackgroundTasks { CopyTask: CopyProgress }
"""

TSCONFIG = {
    "compilerOptions": {
        **dict.fromkeys(("strict", "noEmit", "verbatimModuleSyntax", "skipLibCheck"), True),
        "target": "ES2022",
        "module": "ESNext",
        "moduleResolution": "bundler",
        "lib": ["ES2022", "DOM"],
        "types": [],
    },
    "include": ["src/*.ts"],
}


def files_of(page: str) -> dict[str, str]:
    """The files that a page shows, by their names."""
    return dict(BLOCK.findall((HOW_TO / page).read_text("utf-8")))


def project(folder: Path, page: str, **more: str) -> Path:
    """A project with the files of a page, and ``more`` of them, beside the installed packages."""
    written = files_of(page) | {"src/tasks.ts": TASKS} | more
    written |= {"tsconfig.json": json.dumps(TSCONFIG), "package.json": '{"type": "module"}'}
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    modules = folder / "node_modules"
    modules.mkdir()
    for package in installed().iterdir():
        if not package.name.startswith("bgtasks-"):
            (modules / package.name).symlink_to(package)
    shutil.copytree(CLIENT, modules / "bgtasks-client", ignore=shutil.ignore_patterns("src"))
    return folder


def check_types(folder: Path) -> None:
    """Compile the modules of a project strictly."""
    done = tsc(folder, "--project", ".")
    assert done.returncode == 0, done.stdout


def build(folder: Path, *arguments: str) -> str:
    """Build a project as ``vite build`` does; returns what it prints."""
    done = run(folder, "node", "node_modules/vite/bin/vite.js", "build", *arguments)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
