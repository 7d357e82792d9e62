"""Whether the server itself limits the messages that it reads for us."""

import signal

__all__ = ["UNLIMITED", "why_messages_are_unlimited"]

ENOUGH = 1024 * 1024
"""Bytes up to which a limit is one: the host may have websockets with larger messages than ours."""

UNLIMITED = "give the server a limit, with uvicorn: --ws-max-size 65536"


def why_messages_are_unlimited() -> str | None:
    """What is wrong with the limit of the uvicorn that serves this process, in words; ``None`` if
    nothing is, or where another server does.

    A message is read and inflated whole before anybody is asked who sent it: a few kilobytes from
    a stranger become as much as the limit lets through. The handler of the signals belongs to the
    server, which is all there is to see of it from here.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    config = getattr(server, "config", None)
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
