"""The table of a run: a figure, what stands beside it, the target, and whether it was met."""

import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

Figures = dict[str, float]
Results = dict[str, dict[int, Figures]]  # measurement, round


@dataclass
class Row:
    """One line of the table: a figure, what stands beside it, and what was promised.

    ``figure`` and ``beside`` name a measurement and one of its figures. The target is for the
    ratio, figure / beside, or for the figure itself where nothing stands beside it.
    """

    title: str
    figure: tuple[str, str]
    unit: str
    beside: tuple[str, str] | None = None
    at_least: float | None = None
    at_most: float | None = None
    exclusive: bool = False

    def missed(self, results: Results) -> str | None:
        """What was measured and does not meet the target, in words."""
        *_, target, verdict = self.cells(results) or ["", ""]
        return f"{self.title}: {target}, {verdict}" if verdict.startswith("MISSED") else None

    def cells(self, results: Results, failed: Collection[str] = ()) -> list[str] | None:
        """The texts of this line; ``None`` where it was not measured."""
        own = _by_round(results, self.figure)
        others = _by_round(results, self.beside) if self.beside else {}
        names = [self.figure[0], *([self.beside[0]] if self.beside else [])]
        if any(name not in failed and name not in results for name in names):
            return None
        if self.beside is None:
            judged = list(own.values())
        else:
            judged = [own[number] / others[number] for number in own if number in others]
        cells = [
            self.title,
            self._text(own.values(), self.figure[0] in failed, ranges=self.beside is None),
            self._text(others.values(), self.beside is not None and self.beside[0] in failed),
            _spread(judged) if judged and self.beside else "",
        ]
        return [*cells, *self._verdict(judged)]

    def _verdict(self, judged: Sequence[float]) -> tuple[str, str]:
        unit = "" if self.beside else f" {self.unit}"
        limit = self.at_most if self.at_least is None else self.at_least
        if limit is None:
            return "", ""
        sign = "≤" if self.at_least is None else "≥"
        if self.exclusive:
            sign = {"≤": "<", "≥": ">"}[sign]
        target = f"{sign} {readable(limit)}{unit}"
        if not judged:
            return target, "not measured"
        value = statistics.median(judged)
        met = value <= limit if self.at_least is None else value >= limit
        if self.exclusive:
            met = met and value != limit
        return target, "met" if met else f"MISSED: {readable(value)}"

    def _text(self, values: Collection[float], failed: bool, *, ranges: bool = False) -> str:
        if not values:
            return "failed" if failed else ""
        median = f"{readable(statistics.median(values))} {self.unit}"
        return f"{median} {_range(values)}" if ranges and len(values) > 1 else median


def _by_round(results: Results, figure: tuple[str, str]) -> dict[int, float]:
    script, name = figure
    return {number: figures[name] for number, figures in results.get(script, {}).items()}


def readable(value: float) -> str:
    """A figure as text, with three digits that matter."""
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _spread(ratios: Sequence[float]) -> str:
    median = readable(statistics.median(ratios))
    return median if len(ratios) == 1 else f"{median} {_range(ratios)}"


def _range(values: Collection[float]) -> str:
    return f"({readable(min(values))} to {readable(max(values))})"


def table(rows: Iterable[Row], results: Results, failed: Collection[str] = ()) -> str:
    """The table, in Markdown."""
    head = ["figure", "bgtasks", "beside", "ratio (from to)", "target", ""]
    lines = [head] + [cells for row in rows if (cells := row.cells(results, failed))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)
