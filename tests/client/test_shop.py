"""The front end of the example shop: its types are those of its workers, it compiles strictly, and
what is shipped was built from its sources."""

import json
from pathlib import Path

import pytest

from bgtasks.cli import main

from .node import WORKSPACE, tsc
from .recipes import build
from .shop import SHOP, shop_checkout
from .test_build import files

pytestmark = pytest.mark.node


def test_the_types_are_those_of_the_workers(tmp_path: Path) -> None:
    target = "examples.shop.containers:Application"
    assert main(["types", target, "--output", str(tmp_path / "tasks.ts")]) == 0
    made = (tmp_path / "tasks.ts").read_text("utf-8")
    assert made == (SHOP / "web" / "src" / "tasks.ts").read_text("utf-8")


def test_what_is_shipped_was_built_from_these_sources(tmp_path: Path) -> None:
    """The client in it may be an older one: that the page works with this server is shown in
    tests/acceptance/test_shop_browser.py."""
    web = shop_checkout(tmp_path)
    checked = tsc(web, "--noEmit")
    assert checked.returncode == 0, checked.stdout
    build(web)
    built, shipped = files(web.parent / "static"), files(SHOP / "static")
    assert built.keys() == shipped.keys()
    assert built["sources.txt"] == shipped["sources.txt"], "run `make js`"


def test_its_packages_are_those_that_the_tests_have() -> None:
    """So that what a user builds in the folder is what is shipped."""
    lock = json.loads((WORKSPACE / "package-lock.json").read_text())["packages"]
    package = json.loads((SHOP / "web" / "package.json").read_text())
    wanted = package["dependencies"] | package["devDependencies"]
    del wanted["bgtasks-client"]
    assert wanted == {name: lock[f"node_modules/{name}"]["version"] for name in wanted}
