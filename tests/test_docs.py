"""Every Python block in the readme and the docs is run, in the order of its page.

Blocks in HTML comments are run too: they hold the imports and checks a reader needs not see.
"""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
DEVELOPMENT = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "development").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
NAME = re.compile(r"(bgtasks|tests|docs|examples|\.ci|\.github)/[\w./-]*")
CODE = re.compile(r"`([^`\n]+)`")
DEFINITION = re.compile(r"^\[[\w-]+\]: ([^\s:#]*)(?:#(\S*))?$", re.MULTILINE)
INCLUDED = re.compile(r'^--8<-- "([^":]+)(?::\w+)?"$', re.MULTILINE)
SITE = [page for page in PAGES if page.is_relative_to(ROOT / "docs")]


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


def anchors(page: Path) -> set[str]:
    """What a link may name after the ``#``: headings as GitHub writes them."""
    text = INCLUDED.sub(lambda it: (ROOT / it[1]).read_text("utf-8"), page.read_text("utf-8"))
    headings = HEADING.findall(BLOCK.sub("", text))
    return {re.sub(r"[^\w -]", "", it).strip().lower().replace(" ", "-") for it in headings}


def links(page: Path) -> list[tuple[Path, str]]:
    """The files that a page links to, and where in them."""
    text = BLOCK.sub("", page.read_text("utf-8"))
    found = LINK.findall(text) + DEFINITION.findall(text)
    return [((page.parent / target).resolve() if target else page, part) for target, part in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target, part in links(page):
        assert target.exists(), f"{page.name} links to {target}"
        if part:
            assert part in anchors(target), f"{page.name} links to {target.name}#{part}"


@pytest.mark.parametrize("page", SITE, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_of_the_site_links_to_pages_of_the_site(page: Path) -> None:
    for target, _ in links(page):
        assert target.is_relative_to(ROOT / "docs"), (
            f"{page.name} links to {target.relative_to(ROOT)}, which is not on the site: write it "
            f"as code, or link to docs/examples.md or docs/development/contributing.md"
        )


def test_the_pages_of_the_site_and_those_in_its_navigation_are_the_same() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    named = re.findall(r"(?:- |: )(\S+\.md)$", navigation, re.MULTILINE)
    assert sorted(named) == sorted(str(page.relative_to(ROOT / "docs")) for page in SITE)


def test_what_a_page_includes_is_there() -> None:
    for page in SITE:
        for name in INCLUDED.findall(page.read_text("utf-8")):
            assert (ROOT / name).is_file(), f"{page.name} includes {name}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += [target for target, _ in links(page) if target.suffix == ".md"]
    assert set(PAGES) <= reached


@pytest.mark.parametrize("page", DEVELOPMENT, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_for_contributors_names_is_there(page: Path) -> None:
    text = BLOCK.sub("", page.read_text("utf-8"))
    names = [it for it in CODE.findall(text) if NAME.fullmatch(it)]
    assert [name for name in names if not (ROOT / name).exists()] == []
    words = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for command in re.findall(r"`make ([a-z ]+)`", text):
        assert set(command.split()) <= words, f"{page.name} names `make {command}`"


def test_the_readme_has_its_two_commands_as_one_line_each() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in ("main", "test"):
        found = re.search(rf"<!-- {name} command -->\n```sh\n(.*)\n```", readme)
        assert found, f"README has no one-line {name} command"
