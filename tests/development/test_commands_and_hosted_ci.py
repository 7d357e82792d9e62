"""The one-word commands and the hosted CI name what exists, and the versions that are promised."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
WORDS = ["help", "test", "quick", "lint", "types", "js", "pictures", "bench", "docs", "ci"]


def test_hosted_ci_has_every_python_that_the_package_is_made_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    made_for = {
        it.rpartition(" ")[2]
        for it in project["classifiers"]
        if re.search(r"Python :: 3\.\d+$", it)
    }
    matrix = re.search(r"python: \[(.*)\]", WORKFLOW)
    assert matrix
    assert made_for <= set(re.findall(r'"([\d.]+)"', matrix[1]))


def test_hosted_ci_uses_actions_of_one_version_and_no_secret() -> None:
    actions = re.findall(r"uses: (\S+)", WORKFLOW)
    assert actions
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action) for action in actions)
    assert "secrets." not in WORKFLOW


@pytest.mark.parametrize("text", [WORKFLOW, MAKEFILE], ids=["workflow", "Makefile"])
def test_the_folders_that_are_named_are_there(text: str) -> None:
    folders = set(re.findall(r"(?<![\w/.])(?:tests|bgtasks|\.ci)/[\w/.]+", text))
    assert folders
    assert [it for it in folders if not (ROOT / it).exists()] == []


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_a_command(word: str) -> None:
    done = subprocess.run(["make", "-n", word], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^{word}:.*## \w", MAKEFILE, re.MULTILINE), "make help describes it"
