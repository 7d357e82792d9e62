"""Run a server that must not outlive its owner: ``guardian.py OWNER_PID SIGNAL COMMAND...``

A server is not a child of pytest but of this process, which ends it when the owner is gone, however
the owner went. Should this process be killed instead, Linux tells the server. pytest could not ask
Linux for that itself: the wish is tied to the thread that starts the server, and is forgotten when
the user changes on the way.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
GRACE = 10.0
"""Seconds between the signal that asks and the one that does not."""


def dies_with_parent(signal_number: int) -> Callable[[], None] | None:
    """What the child has to call before it becomes the server, where Linux offers it."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    guardian = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != guardian:
            os._exit(1)

    return ask


def exists(pid: int) -> bool:
    """Whether the process is there, be it another user's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_for_either(owner: int, server: "subprocess.Popen[bytes]") -> None:
    """Return when one of the two has ended."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(ProcessLookupError):
            ends = select.poll()
            ends.register(os.pidfd_open(server.pid), select.POLLIN)
            ends.register(os.pidfd_open(owner), select.POLLIN)
            ends.poll()
        return
    while exists(owner):
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.5)
            return


def end(server: "subprocess.Popen[bytes]", signal_number: int) -> None:
    """Ask the server to end; insist when it does not."""
    server.send_signal(signal_number)
    try:
        server.wait(GRACE)
    except subprocess.TimeoutExpired:
        server.kill()


def main(owner: int, signal_number: int, command: list[str]) -> int:
    """Run the command until it ends or its owner does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    server = subprocess.Popen(command, preexec_fn=dies_with_parent(signal_number))
    try:
        wait_for_either(owner, server)
    finally:
        if server.poll() is None:
            end(server, signal_number)
    return server.wait()


if __name__ == "__main__":
    sys.exit(abs(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
