"""Every Python block in the readme and the docs is run, in the order of its page.

Blocks in HTML comments are run too: they hold the imports and checks a reader needs not see.
"""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+?)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_on_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text("utf-8")
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in BLOCK.finditer(text):
        if block[1] == "python":
            # Empty lines in front, so that a traceback names the line of the page.
            above = "\n" * text.count("\n", 0, block.start(2))
            exec(compile(above + block[2], page, "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    without_code = BLOCK.sub("", page.read_text("utf-8"))
    for target in LINK.findall(without_code):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_has_its_two_commands_as_one_line_each() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in ("main", "test"):
        found = re.search(rf"<!-- {name} command -->\n```sh\n(.*)\n```", readme)
        assert found, f"README has no one-line {name} command"
