"""The page for troubleshooting has the messages of the package, and no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "troubleshooting.md").read_text("utf-8")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "bgtasks").rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def text_of(node: ast.expr) -> str | None:
    """What is written there, in which ``…`` stands for what is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(it.value) if isinstance(it, ast.Constant) else "…" for it in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[-.,\d]*[a-z]", "…", node.value)
    return None


def texts(module: ast.Module) -> Iterator[str]:
    yield from filter(None, (text_of(it) for it in ast.walk(module) if isinstance(it, ast.expr)))


def on_the_page() -> list[str]:
    return re.findall(r"^\| `([^`|]+)` \|", PAGE, re.MULTILINE)


def says(text: str, message: str) -> bool:
    """Whether a text of the package has the message of the page."""
    parts = [re.escape(part.strip()) for part in message.split("…") if part.strip()]
    return re.search("[^\n]*?".join(parts), text) is not None


def test_the_messages_on_the_page_are_those_of_the_package() -> None:
    messages = on_the_page()
    assert len(messages) > 90
    written = "\n".join(text for _, module in sources() for text in texts(module))
    for message in messages:
        assert says(written, message), f"nothing says {message!r}"
