"""Node, npm and the packages that are needed to build and use the JavaScript client."""

import hashlib
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "bgtasks" / "web" / "client"
INSTALL_TIMEOUT = 300


def installed(config: pytest.Config) -> Path:
    """A folder with ``node_modules`` as the client's lock file has them; skips with the reason
    where they cannot be had. Installed once, and kept in pytest's cache.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install Node 20 or later")
    lock = (PACKAGE / "package-lock.json").read_bytes()
    assert config.cache is not None
    kept = config.cache.mkdir("bgtasks-node") / hashlib.sha256(lock).hexdigest()[:16]
    if not kept.exists():
        _install(kept)
    return kept


def _install(kept: Path) -> None:
    # Two test processes may do this at once: each in a folder of its own, and the first wins.
    own = kept.with_name(f"{kept.name}-{uuid.uuid4().hex}")
    own.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGE / name, own)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=own,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(own)
        pytest.skip(f"npm ci failed, perhaps without a network: {done.stderr.strip()[-300:]}")
    try:
        own.rename(kept)
    except OSError:
        shutil.rmtree(own)
        assert kept.exists()


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Node's world in ``folder``."""
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def tsc(modules: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the TypeScript compiler in ``folder``, which gets to see the installed packages."""
    link = folder / "node_modules"
    if not link.exists():
        link.symlink_to(modules / "node_modules", target_is_directory=True)
    return run(
        folder, "node", str(modules / "node_modules" / "typescript" / "bin" / "tsc"), *arguments
    )
