"""The web server of this process, as far as an application can find it.

uvicorn tells an application neither its limits nor that it is about to stop. The handler of the
signals belongs to its server, which leads to both; nothing is changed. Other servers cannot be
found.
"""

import signal
from typing import Any

__all__ = ["UNLIMITED", "is_stopping", "why_messages_are_unlimited"]

ENOUGH = 1024 * 1024
"""Bytes up to which a limit is one: the host may have websockets with larger messages than ours."""

UNLIMITED = "give the server a limit, with uvicorn: --ws-max-size 65536"


def is_stopping() -> bool:
    """Whether uvicorn has been asked to stop.

    It waits for every response to end before it tells the application that it stops, and an
    event stream never ends by itself.
    """
    servers = map(_server_behind, (signal.SIGTERM, signal.SIGINT))
    return any(getattr(server, "should_exit", False) is True for server in servers)


def why_messages_are_unlimited() -> str | None:
    """What is wrong with uvicorn's limit of a websocket message, in words; ``None`` if nothing is.

    A message is read and inflated whole before anybody is asked who sent it: a few kilobytes from
    a stranger become as much as the limit lets through.
    """
    config = getattr(_server_behind(signal.SIGTERM), "config", None)
    limit = getattr(config, "ws_max_size", None)
    if not isinstance(limit, int):
        return None
    if limit > ENOUGH:
        return (
            f"uvicorn reads websocket messages of up to {limit:,} bytes from anybody: {UNLIMITED}"
        )
    if "wsproto" in getattr(getattr(config, "ws_protocol_class", None), "__module__", ""):
        return (
            "uvicorn inflates websocket messages without a limit with wsproto: "
            "install websockets, and run it with --ws websockets-sansio --ws-max-size 65536"
        )
    return None


def _server_behind(number: signal.Signals) -> Any:
    return getattr(signal.getsignal(number), "__self__", None)
