"""The page for troubleshooting has the messages of the package, and no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "troubleshooting.md").read_text("utf-8")
LOGGED = ("warning", "error", "exception", "critical")
LEVELS = ("WARNING", "ERROR", "CRITICAL")


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


def logged(module: ast.Module) -> Iterator[str]:
    """What the module logs as WARNING or worse, and what its store or policy is said to refuse."""
    named: dict[str, list[str]] = {}
    for it in ast.walk(module):
        if isinstance(it, ast.Assign) and isinstance(it.targets[0], ast.Name):
            named.setdefault(it.targets[0].id, []).extend(filter(None, [text_of(it.value)]))
    for it in ast.walk(module):
        if isinstance(it, ast.Call) and (message := message_of(it)) is not None:
            if isinstance(message, ast.Name):
                yield from named.get(message.id, [])
            elif (text := text_of(message)) is not None:
                yield text


def message_of(call: ast.Call) -> ast.expr | None:
    """Which argument of a call is a message in the log."""
    place = None
    match call.func:
        case ast.Name("log_safely"):
            place = (
                2 if isinstance(it := call.args[1], ast.Attribute) and it.attr in LEVELS else None
            )
        case ast.Attribute(ast.Name("logger"), name) if name in LOGGED:
            place = 0
        case ast.Attribute(_, "failed" | "log" | "say_once"):
            place = 0
        case ast.Attribute(ast.Attribute(_, "_refusals"), "note"):
            place = 1
    return call.args[place] if place is not None and len(call.args) > place else None


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


def test_what_is_logged_as_a_warning_or_worse_is_on_the_page() -> None:
    messages = on_the_page()
    missing = [
        f"{path.relative_to(ROOT)}: {text}"
        for path, module in sources()
        for text in logged(module)
        if re.search(r"\w\w+ \w\w+", text.replace("…", ""))  # and not only what is put into it
        and not any(says(text, message) for message in messages)
    ]
    assert missing == [], "add them to docs/how-to/troubleshooting.md, with cause and remedy"
