"""The dashboard's source with its packages installed, once per lock file."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "dashboard"
BUILT = ROOT / "bgtasks" / "web" / "dashboard"


def install_packages() -> Path:
    """A folder with ``node_modules`` as the lock file says; kept for the next time."""
    lock = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"bgtasks-dashboard-{os.getuid()}-{lock}"
    if not home.exists():
        fresh = Path(tempfile.mkdtemp(prefix="bgtasks-dashboard-"))
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(SOURCE / name, fresh)
        run(fresh, "npm", "ci")
        try:
            fresh.rename(home)
        except OSError:  # another run was faster
            shutil.rmtree(fresh)
    return home


def run(folder: Path, *command: str) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, f"{' '.join(command)}:\n{result.stdout}\n{result.stderr}"
