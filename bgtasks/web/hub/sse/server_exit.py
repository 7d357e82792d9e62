"""Finding out that the server is about to stop, before it tells."""

import signal

__all__ = ["server_is_stopping"]


def server_is_stopping() -> bool:
    """Whether uvicorn serves this process and has been asked to stop.

    It waits for every response to end before it tells the application that it stops, and an
    event stream never ends by itself. The handler of the signals belongs to the server, which is
    all there is to see of it from here; nothing is changed. ``False`` for other servers.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        server = getattr(signal.getsignal(number), "__self__", None)
        if getattr(server, "should_exit", False) is True:
            return True
    return False
