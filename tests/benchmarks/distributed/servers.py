"""Holds the servers of a run: for each line it reads it gives everyone empty databases.

PostgreSQL as it is after ``initdb``: it waits for the disk at each commit (``fsync`` and
``synchronous_commit`` are on). Valkey keeps its data in memory, which favours its users.
"""

import json
import sys
import tempfile
from pathlib import Path

from tests.servers.postgres import PostgresServer
from tests.servers.valkey import ValkeyServer, ask


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as name:
        folder = Path(name)
        with (
            PostgresServer(folder / "postgres") as postgres,
            ValkeyServer(folder / "valkey") as valkey,
        ):
            print("{}", flush=True)
            for number, _ in enumerate(sys.stdin):
                if number:
                    postgres.drop_database(f"benchmark_{number - 1}")
                url = postgres.create_database(f"benchmark_{number}")
                postgres.execute("CHECKPOINT")
                ask(valkey.port, b"FLUSHALL SYNC")
                urls = {"BENCHMARK_POSTGRES": url, "BENCHMARK_VALKEY": valkey.url()}
                print(json.dumps(urls), flush=True)


main()
