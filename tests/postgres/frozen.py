"""A process that stands still: its attempts are there, and it says nothing of them."""

import pytest

from bgtasks.backends.postgres.backend import PostgresBackend
from bgtasks.backends.postgres.engine_schema import ENGINE
from bgtasks.testing.conformance import BackendBench

__all__ = ["MAKE_STALE", "freeze"]

MAKE_STALE = f"UPDATE {ENGINE.queue_table} SET heartbeat = heartbeat - interval '1 hour'"


def freeze(bench: BackendBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it send no heartbeat, look at nothing, and take nothing back, as after SIGSTOP."""

    async def nothing() -> None:
        """Its turn does not come."""

    backend = bench.backend
    assert isinstance(backend, PostgresBackend)
    monkeypatch.setattr(backend._engine, "beat", nothing)
    monkeypatch.setattr(backend._engine, "_may_repick", lambda: False)
    monkeypatch.setattr(backend._recovery, "_may_repick", lambda: False)
    monkeypatch.setattr(backend._pulse, "_runs", ())
