"""A process that stands still: its attempts are there, and it says nothing of them."""

from typing import Any

import pytest

from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.backends.postgres.engine.schema import ENGINE
from bgtasks.testing.conformance import BackendBench

__all__ = ["MAKE_STALE", "freeze"]

MAKE_STALE = f"""
UPDATE {ENGINE.queue_table} SET heartbeat = heartbeat - interval '1 hour';
UPDATE bgtasks_processes SET seen_at = seen_at - interval '1 hour'
"""


def freeze(bench: BackendBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it send no heartbeat, look at nothing, and take nothing back, as after SIGSTOP."""

    async def nothing(*_: Any) -> None:
        """Its turn does not come."""

    backend = bench.backend
    assert isinstance(backend, PostgresBackend)
    store = backend.store
    # A frozen process does nothing at all, for which there is no door: it could not go through it.
    monkeypatch.setattr(store.pulse._beats, "_duty", nothing)  # noqa: SLF001
    monkeypatch.setattr(store.heartbeat.voice, "may_condemn", lambda: False)
    monkeypatch.setattr(store.pulse, "_runs", ())
