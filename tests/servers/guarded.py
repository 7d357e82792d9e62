"""A server process that does not outlive its owner."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

GUARDIAN = Path(__file__).with_name("guardian.py")
TAIL = 4000

GUARDIANS: "set[subprocess.Popen[bytes]]" = set()
"""Those not known to be gone. A server may be stopped by another process than the one that started
it, and Python complains about a child that is forgotten before it has ended.
"""


class GuardedProcess:
    """One run of a command under the guardian, its output appended to a log file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        owner: int,
        end_with: signal.Signals,
        prefix: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; a prefix is a command that changes the user and then runs the rest."""
        GUARDIANS.difference_update([each for each in GUARDIANS if each.poll() is not None])
        self._log = log
        with log.open("ab") as output:
            self._log_began = output.tell()
            self._guardian = subprocess.Popen(
                [*prefix, *guarded(command, owner, end_with)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                env=env if env is None else dict(env),
                # Ctrl-C in the terminal is for pytest, which then stops the server in order.
                start_new_session=True,
            )
        GUARDIANS.add(self._guardian)

    @property
    def guardian_pid(self) -> int:
        """The process that ends the server."""
        return self._guardian.pid

    @property
    def ended(self) -> bool:
        """Whether the server and its guardian are gone."""
        return self._guardian.poll() is not None

    def wait(self, seconds: float) -> bool:
        """Wait until the server and its guardian are gone; False when time ran out."""
        try:
            self._guardian.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        """Have the guardian end the server, at once and whatever it is doing."""
        self._guardian.terminate()
        self._guardian.wait()

    def said(self) -> str:
        """The end of what this run wrote to the log."""
        with self._log.open("rb") as log:
            log.seek(self._log_began)
            return log.read()[-TAIL:].decode(errors="replace")


def guarded(command: Sequence[str], owner: int, end_with: signal.Signals) -> list[str]:
    """The command with its guardian before it."""
    return [
        sys.executable,
        "-I",
        "-S",
        os.fspath(GUARDIAN),
        str(owner),
        str(int(end_with)),
        *command,
    ]
