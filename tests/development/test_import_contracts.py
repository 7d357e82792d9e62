"""The import contracts of ``pyproject.toml`` are tried: on a copy of the package, each is broken by
an import that it forbids. What is tried follows from the contracts, so a new one is tried too."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
    "contracts"
]
NEWCOMER = "newcomer"
"""A module that no contract lists."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def contracts(kind: str) -> list[Any]:
    return [pytest.param(it, id=it["name"]) for it in CONTRACTS if it["type"] == kind]


class Report(NamedTuple):
    """What the linter said."""

    code: int
    text: str

    @property
    def broken(self) -> set[str]:
        return {it["name"] for it in CONTRACTS if f"{it['name']} BROKEN" in self.text}


class Copy:
    """The package, to be spoilt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "bgtasks"
        shutil.copy(ROOT / "pyproject.toml", folder)
        for source in (ROOT / "bgtasks").rglob("*.py"):
            if "node_modules" not in source.parts:
                target = self.folder / source.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def rooms(self) -> list[str]:
        """Every package in it, itself among them, by its dotted name."""
        files = self.package.rglob("__init__.py")
        return sorted(".".join(it.parent.relative_to(self.folder).parts) for it in files)

    def add_import(self, module: str, imported: str) -> str:
        """Let ``module`` import something: a package does so in a new module. Its name."""
        path = self.folder.joinpath(*module.split("."))
        if path.is_dir():
            module, path = f"{module}.{NEWCOMER}", path / NEWCOMER
        with path.with_suffix(".py").open("a") as file:
            file.write(f"\nimport {imported}\n")
        return module

    def lint(self) -> Report:
        program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
        assert program, "import-linter is part of the extra `test`"
        done = subprocess.run(
            [program, "--no-cache"],
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "500"},
            capture_output=True,
            encoding="utf-8",
        )
        return Report(done.returncode, COLOUR.sub("", done.stdout + done.stderr))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_package_as_it_is_keeps_every_contract(copy: Copy) -> None:
    report = copy.lint()
    assert report.code == 0, report.text
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in report.text


@pytest.mark.parametrize("contract", contracts("protected"))
def test_a_new_module_in_any_room_may_not_import_a_protected_library(
    copy: Copy, contract: dict[str, Any]
) -> None:
    allowed = tuple(f"{it}." for it in contract["allowed_importers"])
    rooms = [room for room in copy.rooms() if not f"{room}.".startswith(allowed)]
    assert len(rooms) > 5
    for library in contract["protected_modules"]:
        added = {copy.add_import(room, library) for room in rooms}
        report = copy.lint()
        assert report.code == 1
        assert contract["name"] in report.broken
        assert added <= set(re.findall(rf"([\w.]+) -> {library}\b", report.text))


@pytest.mark.parametrize("contract", contracts("layers"))
def test_no_layer_may_import_the_one_above_it_or_its_neighbour(
    copy: Copy, contract: dict[str, Any]
) -> None:
    (parent,) = contract["containers"]
    layers = [
        [f"{parent}.{name.strip()}" for name in layer.split("|")] for layer in contract["layers"]
    ]
    forbidden = [
        (low, high) for above, below in pairwise(layers) for low in below for high in above
    ]
    forbidden += [pair for layer in layers for pair in pairwise(layer)]
    added = {(copy.add_import(low, high), high) for low, high in forbidden}
    report = copy.lint()
    assert report.code == 1
    assert contract["name"] in report.broken
    assert added <= set(re.findall(r"([\w.]+) -> ([\w.]+)", report.text))


@pytest.mark.parametrize("contract", contracts("layers"))
def test_a_new_module_has_to_be_given_its_layer(copy: Copy, contract: dict[str, Any]) -> None:
    (parent,) = contract["containers"]
    copy.add_import(parent, "json")
    report = copy.lint()
    assert (report.code, report.broken) == (1, {contract["name"]})
    assert f"{parent}.{NEWCOMER}" in report.text


def test_every_kind_of_contract_is_tried() -> None:
    assert {contract["type"] for contract in CONTRACTS} == {"protected", "layers"}
