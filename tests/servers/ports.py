"""Ports nobody listens on."""

import random
import socket

LOOPBACK = "127.0.0.1"

SERVER_PORTS = range(15000, 30000)
"""Below those the system hands out to clients.

While a server is stopped, a client that keeps trying to reach it would sooner or later be given the
server's own port, and be connected to itself.
"""


def free_port() -> int:
    """A port that was free a moment ago."""
    for port in random.sample(SERVER_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise OSError("no free port found for a server")
