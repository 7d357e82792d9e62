"""Node, npm and the packages of the JavaScript workspace."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

WORKSPACE = Path(__file__).parents[2] / "bgtasks" / "web" / "js"
CLIENT = WORKSPACE / "client"
DASHBOARD = WORKSPACE / "dashboard"

INSTALL_TIMEOUT = 300

_MANIFESTS = [".npmrc", "package.json", "package-lock.json"]
_MANIFESTS += ["client/package.json", "dashboard/package.json"]


def installed() -> Path:
    """The folder ``node_modules`` as the lock file of the workspace has it, kept for the next
    time. Skips with the reason where it cannot be had.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install Node 20.19 or later")
    manifests = b"".join((WORKSPACE / name).read_bytes() for name in _MANIFESTS)
    key = hashlib.sha256(manifests).hexdigest()[:16]
    kept = Path(tempfile.gettempdir()) / f"bgtasks-javascript-{os.getuid()}-{key}"
    if not kept.exists():
        _install(kept)
    return kept / "node_modules"


def _install(kept: Path) -> None:
    # Two test processes may do this at once: each in a folder of its own, and the first wins.
    own = Path(tempfile.mkdtemp(prefix="bgtasks-javascript-"))
    for name in _MANIFESTS:
        (own / name).parent.mkdir(exist_ok=True)
        shutil.copy(WORKSPACE / name, own / name)
    done = run(own, "npm", "ci", "--ignore-scripts", timeout=INSTALL_TIMEOUT)
    if done.returncode != 0:
        shutil.rmtree(own)
        pytest.skip(f"npm ci failed, perhaps without a network: {done.stderr.strip()[-300:]}")
    try:
        own.rename(kept)
    except OSError:
        shutil.rmtree(own)
        assert kept.exists()


def checkout(folder: Path) -> Path:
    """A copy of the workspace in ``folder``, ready to be built: the sources of this checkout beside
    the installed packages.
    """
    copy = folder / "js"
    shutil.copytree(WORKSPACE, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    modules = copy / "node_modules"
    modules.mkdir()
    for package in installed().iterdir():
        (modules / package.name).symlink_to(package)
    for name in ("client", "dashboard"):
        (modules / f"bgtasks-{name}").unlink()
        (modules / f"bgtasks-{name}").symlink_to(copy / name)
    return copy


def run(
    folder: Path, *command: str, timeout: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of Node's world in ``folder``."""
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **environment},
    )


def tsc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the TypeScript compiler in ``folder``."""
    return run(folder, "node", str(installed() / "typescript" / "bin" / "tsc"), *arguments)
