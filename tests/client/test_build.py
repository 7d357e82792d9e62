"""What is shipped is what the sources build to, byte for byte, and small."""

import json
from pathlib import Path

import pytest

from bgtasks.cli.typescript.protocol import protocol_module

from .node import CLIENT, DASHBOARD, WORKSPACE, checkout, run

pytestmark = pytest.mark.node


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_what_is_shipped_is_what_the_sources_build_to(tmp_path: Path) -> None:
    copy = checkout(tmp_path)
    done = run(copy, "npm", "run", "build")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for folder in (CLIENT, DASHBOARD):
        built, shipped = files(copy / folder.name / "dist"), files(folder / "dist")
        assert sorted(built) == sorted(shipped)
        stale = [name for name in built if built[name] != shipped[name]]
        assert not stale, f"{stale} are not up to date: run `npm run build` in bgtasks/web/js/"


def test_names_and_bounds_are_those_of_the_server() -> None:
    generated = (CLIENT / "src" / "protocol.ts").read_text("utf-8")
    assert generated == protocol_module(), "run `make js`"


def test_the_dashboard_is_small_and_names_its_licences() -> None:
    shipped = files(DASHBOARD / "dist")
    assert sum(map(len, shipped.values())) < 300 * 1024
    licences = shipped["assets/licenses.txt"].decode()
    for package in ("preact", "@preact/signals", "socket.io-client"):
        assert f"{package} " in licences


def test_the_lock_file_names_no_host_and_a_hash_for_each_package() -> None:
    lock = json.loads((WORKSPACE / "package-lock.json").read_text())
    ours = ("", "client", "dashboard")
    packages = {name: entry for name, entry in lock["packages"].items() if name not in ours}
    linked = {name for name, entry in packages.items() if entry.get("link")}
    assert linked == {"node_modules/bgtasks-client", "node_modules/bgtasks-dashboard"}
    for name in packages.keys() - linked:
        assert "resolved" not in packages[name]
        assert packages[name]["integrity"].startswith("sha512-")


def test_the_lock_file_knows_the_version_of_the_client() -> None:
    lock = json.loads((WORKSPACE / "package-lock.json").read_text())
    package = json.loads((CLIENT / "package.json").read_text())
    assert lock["packages"]["client"]["version"] == package["version"]
