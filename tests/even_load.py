"""Tests in an order in which several workers are all busy with as much."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import pytest

__all__ = ["spread_end_to_end_tests"]

Files = Sequence[Sequence[pytest.Item]]


def spread_end_to_end_tests(items: list[pytest.Item]) -> None:
    """Put the files of end-to-end tests evenly among the others. Each worker is given a stretch of
    the tests: else one is given all of these, and at the end all workers have nothing else left,
    and starve one another."""
    files = [list(group) for _, group in groupby(items, key=lambda item: item.path)]
    heavy = [file for file in files if "acceptance" in file[0].path.parts]
    light = [file for file in files if "acceptance" not in file[0].path.parts]
    places = sorted([*_places(heavy), *_places(light)], key=lambda place: place[0])
    items[:] = [item for _, file in places for item in file]


def _places(files: Files) -> Iterator[tuple[float, Sequence[pytest.Item]]]:
    """Each file, with the share of all tests in ``files`` that come before it."""
    total, before = sum(map(len, files)), 0
    for file in files:
        yield before / total, file
        before += len(file)
