"""The figures as tables, and the targets they miss."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["missed", "tables"]

PAINT_MS = 1_000
REQUESTS = 4
BYTES = 300_000
HELD_MS = 50
HEAP_MB = 30
BUSY_PERCENT = 20

Figures = Mapping[str, Any]


def tables(found: Mapping[str, Figures]) -> str:
    """Pages, questions, and a page that is left open: a column or more for each store."""
    return "\n\n".join(
        [_table(_pages(found)), _table(_questions(found)), _table(_left_open(found))]
    )


def missed(found: Mapping[str, Figures]) -> list[str]:
    """The targets that are missed, in words."""
    return [
        f"{store}, {what}: {value:.4g} {unit}, where at most {target} {unit} are wanted"
        for store, figures in found.items()
        for what, value, target, unit in _judged(figures)
        if value > target
    ]


def _judged(figures: Figures) -> Iterator[tuple[str, float, int, str]]:
    for name, page in figures["pages"].items():
        yield name, page["ms"], PAINT_MS, "ms until the first rows"
        yield name, page["taken"], REQUESTS, "requests"
        yield name, page["held_ms"], HELD_MS, "ms that the loop is held"
        if name != "a task with 2 MB":
            yield name, page["bytes"], BYTES, "bytes"
    for name, question in figures["questions"].items():
        if not isinstance(question, str):
            yield name, question["held_ms"], HELD_MS, "ms that the loop is held"
    left = figures["left_open"]
    yield "left open", left["after_mb"], HEAP_MB, "MB"
    yield "left open", left["busy_percent"], BUSY_PERCENT, "% of the main thread"


def _pages(found: Mapping[str, Figures]) -> Iterator[Sequence[str]]:
    yield ["page", *_heads(found, "first rows", "requests", "bytes", "loop held")]
    for name in next(iter(found.values()))["pages"]:
        pages = [figures["pages"][name] for figures in found.values()]
        cells = [
            [_ms(it["ms"]), f"{it['taken']:.0f}", f"{it['bytes']:,.0f}", _ms(it["held_ms"])]
            for it in pages
        ]
        yield [name, *(cell for of_store in cells for cell in of_store)]


def _questions(found: Mapping[str, Figures]) -> Iterator[Sequence[str]]:
    yield ["question", *_heads(found, "slowest answer", "loop held", "bytes")]
    for name in next(iter(found.values()))["questions"]:
        yield [name, *(cell for it in found.values() for cell in _cells(it["questions"][name]))]


def _cells(question: Any) -> Sequence[str]:
    if isinstance(question, str):
        return [question[:60], "", ""]
    slowest = _ms(question["slowest_ms"])
    if question["pages"] > 1:
        slowest += f" ({question['pages']} pages in {question['all_ms'] / 1000:.1f} s)"
    return [slowest, _ms(question["held_ms"]), f"{question['bytes']:,}"]


def _left_open(found: Mapping[str, Figures]) -> Iterator[Sequence[str]]:
    yield ["the list, left open", *found]
    for title, key in (
        ("updates", "updates"),
        ("memory before, MB", "before_mb"),
        ("memory after, MB", "after_mb"),
        ("main thread busy, %", "busy_percent"),
    ):
        yield [title, *(f"{figures['left_open'][key]:,.4g}" for figures in found.values())]


def _heads(stores: Iterable[str], *columns: str) -> list[str]:
    return [f"{store}: {column}" for store in stores for column in columns]


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _table(rows: Iterable[Sequence[str]]) -> str:
    lines = [list(row) for row in rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
