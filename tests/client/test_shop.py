"""The front end of the example shop: its types are those of its workers, and what is shipped is
what its sources build to."""

import json
from pathlib import Path

import pytest

from bgtasks.cli import main

from .node import WORKSPACE, run, tsc
from .shop import SHOP, shop_checkout
from .test_build import files

pytestmark = pytest.mark.node


def test_the_types_are_those_of_the_workers(tmp_path: Path) -> None:
    target = "examples.shop.containers:Application"
    assert main(["types", target, "--output", str(tmp_path / "tasks.ts")]) == 0
    made = (tmp_path / "tasks.ts").read_text("utf-8")
    assert made == (SHOP / "web" / "src" / "tasks.ts").read_text("utf-8")


def test_what_is_shipped_is_what_the_sources_build_to(tmp_path: Path) -> None:
    web = shop_checkout(tmp_path)
    checked = tsc(web, "--noEmit")
    assert checked.returncode == 0, checked.stdout
    done = run(web, "node", "node_modules/vite/bin/vite.js", "build")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert files(web.parent / "static") == files(SHOP / "static"), "run `make js`"


def test_its_packages_are_those_that_the_tests_have() -> None:
    """So that what a user builds in the folder is what is shipped."""
    lock = json.loads((WORKSPACE / "package-lock.json").read_text())["packages"]
    package = json.loads((SHOP / "web" / "package.json").read_text())
    wanted = package["dependencies"] | package["devDependencies"]
    del wanted["bgtasks-client"]
    assert wanted == {name: lock[f"node_modules/{name}"]["version"] for name in wanted}
