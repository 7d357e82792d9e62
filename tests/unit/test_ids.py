"""Version-7 UUIDs."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest

from bgtasks.ids import uuid7


def test_an_id_is_a_version_7_uuid_that_begins_with_the_present_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_made_later_sort_later() -> None:
    first = uuid7()
    time.sleep(0.002)
    assert first < uuid7()


def test_no_id_is_given_twice_to_many_threads() -> None:
    def make(_: int) -> list[UUID]:
        return [uuid7() for _ in range(2000)]

    with ThreadPoolExecutor(8) as pool:
        made = [item for part in pool.map(make, range(8)) for item in part]
    assert len(set(made)) == len(made)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the standard library's own")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_does_not_hand_out_the_random_bits_of_its_parent() -> None:
    uuid7()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, uuid7().bytes)
        os._exit(0)
    os.waitpid(child, 0)
    theirs = UUID(bytes=os.read(reading, 16))
    os.close(reading)
    os.close(writing)
    assert random_bits(theirs) not in [random_bits(uuid7()) for _ in range(400)]


def random_bits(made: UUID) -> int:
    """All that does not tell the time."""
    return made.int % 2**62
