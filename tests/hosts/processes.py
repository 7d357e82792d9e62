"""Hosts in processes of their own: how a test starts one, and how one serves."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from attrs import frozen
from starlette.applications import Starlette

__all__ = ["Served", "environment", "launch", "serve", "serving"]

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """What another process needs to find the same modules."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        **more,
    }


def launch(host: str, *arguments: object, stderr: int | None = None) -> "subprocess.Popen[str]":
    """Run ``tests.hosts.{host}``; what it says on standard output can be read."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.hosts.{host}", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=environment(),
    )


@frozen
class Served:
    """A host that serves."""

    process: "subprocess.Popen[str]"
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def serving(host: str, *arguments: object) -> Iterator[Served]:
    """A host that uses ``serve``, until the end of the block."""
    with launch(host, *arguments) as process:
        try:
            assert process.stdout is not None
            what, _, port = process.stdout.readline().strip().partition(" ")
            assert what == "serving", f"{host} did not start"
            yield Served(process, int(port))
        finally:
            process.terminate()


def serve(app: Starlette) -> None:
    """In the host: serve on a free port, after saying ``serving PORT``."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(f"serving {listening.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
