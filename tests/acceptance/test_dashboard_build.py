"""What is shipped is what the source builds to, byte for byte, and small."""

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from tests.acceptance.dashboard_build import BUILT, SOURCE, install_packages, run

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm"),
]


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_shipped_assets_are_what_the_source_builds_to(tmp_path: Path) -> None:
    folder = tmp_path / "checkout" / "dashboard"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(install_packages() / "node_modules")
    run(folder, "npm", "run", "build")
    built, shipped = files(tmp_path / "checkout/bgtasks/web/dashboard"), files(BUILT)
    assert sorted(built) == sorted(shipped)
    stale = [name for name in built if built[name] != shipped[name]]
    assert not stale, f"{stale} are not up to date: run `npm ci && npm run build` in dashboard/"


def test_the_shipped_assets_are_small_and_name_their_licences() -> None:
    shipped = files(BUILT)
    assert sum(map(len, shipped.values())) < 300 * 1024
    licences = shipped["assets/licenses.txt"].decode()
    for package in ("preact", "uplot", "socket.io-client", "@tanstack/virtual-core"):
        assert f"{package} " in licences


def test_the_lock_file_names_no_host_and_a_hash_for_each_package() -> None:
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all("resolved" not in entry for entry in packages.values())
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
