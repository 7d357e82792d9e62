"""The PostgreSQL backend: many web and worker processes, PgQueuer as the engine."""

from collections.abc import Sequence

from attrs import evolve

from bgtasks.backends.loops.pacing import PAUSES, AheadPace, OutboxPace, ServingPace
from bgtasks.backends.loops.runs import Runs
from bgtasks.backends.loops.store_backend import OpenStore, StoreBackend
from bgtasks.backends.postgres.database import Database, ServerBounds
from bgtasks.backends.postgres.postgres_store import PostgresStore
from bgtasks.backends.postgres.server_clock import ServerClock
from bgtasks.clock import Clock
from bgtasks.core.database_url import describe_url
from bgtasks.registry import Registry

__all__ = ["PostgresBackend"]

OUTBOX = OutboxPace(
    # Commits that notify wait for each other: many small ones would hold up every process.
    reports_every=0.02,
    pauses=PAUSES,
    stop_within=5.0,
    tries_while_stopping=True,
)


class PostgresBackend(StoreBackend[PostgresStore]):
    """Keeps tasks in a PostgreSQL database, which any number of processes share.

    ``types`` are those that are run here (``None``: all that are registered). A worker that has
    not been heard of for ``heartbeat_timeout`` seconds is dead, and its tasks run again
    elsewhere. ``connections`` bounds the pool; two more connections listen and send heartbeats.
    Waits go by ``clock``; ``server_clock`` dates everything, and is made of ``clock`` unless
    given. ``bounds`` says how long to wait for the server. A stop spends ``stop_within`` seconds
    on outcomes that are not written yet. ``ahead`` says how far short tasks are claimed ahead.
    """

    kind = "postgresql"
    shared = True

    def __init__(
        self,
        url: str,
        registry: Registry,
        clock: Clock,
        *,
        max_concurrency: int = 100,
        types: Sequence[str] | None = None,
        heartbeat_timeout: float = 30.0,
        connections: int = 10,
        server_clock: ServerClock | None = None,
        bounds: ServerBounds | None = None,
        stop_within: float = OUTBOX.stop_within,
        ahead: AheadPace | None = None,
    ) -> None:
        self._server_clock = server_clock or ServerClock(clock)
        super().__init__(describe_url(url), self._server_clock)
        self._pace_clock = clock
        self._url = url
        self._registry = registry
        self._types = registry.claimed(types)
        self._max_concurrency = max_concurrency
        self._heartbeat_timeout = heartbeat_timeout
        self._connections = connections
        self._bounds = bounds
        self._ahead = ahead or AheadPace()
        self._outbox_pace = evolve(OUTBOX, stop_within=stop_within)

    async def _open(self) -> OpenStore[PostgresStore]:
        """Raises SchemaVersionError before an upgrade of the tables."""
        runs = Runs(self._max_concurrency)
        store = PostgresStore(
            Database(
                self._url,
                self._connections,
                self._heartbeat_timeout,
                self._bounds,
                self._pace_clock,
            ),
            self._registry,
            self._types,
            runs,
            self._server_clock,
            self.subscribers,
            self.type_subscribers,
            self.schedule_subscribers,
            self.log_subscribers,
            max_concurrency=self._max_concurrency,
            heartbeat_timeout=self._heartbeat_timeout,
            vitals=self.vitals,
        )
        await store.open()
        return OpenStore(
            store,
            runs,
            self._pace_clock,
            self.now,
            outbox_pace=self._outbox_pace,
            serving_pace=ServingPace(ahead=self._ahead),
        )
