"""Another host, as far as the network is concerned: a namespace at the other end of a cable."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21


def why_not() -> str | None:
    """Why this machine can have no such host; None if it can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces: Linux only"
    if missing := [name for name in ("ip", "nsenter") if shutil.which(name) is None]:
        return f"network namespaces: {' and '.join(missing)} not installed"
    status = Path("/proc/self/status").read_text()
    capabilities = int(status.partition("CapEff:")[2].split()[0], 16)
    if not all(capabilities >> bit & 1 for bit in (CAP_NET_ADMIN, CAP_SYS_ADMIN)):
        return "network namespaces: this user may not make one"
    return None


class OtherHost:
    """Made when entered, gone afterwards. ``prefix`` runs a command there."""

    def __init__(self) -> None:
        number = os.getpid() % 2**14
        self._name = f"bgtasks-{os.getpid()}"
        self._cable = f"bgt{os.getpid()}"
        # Addresses that are set apart for tests of networks (RFC 2544).
        self.our_address = self._address(4 * number + 1)
        self.address = self._address(4 * number + 2)
        self.prefix = ("nsenter", f"--net=/run/netns/{self._name}", "--")

    def cut(self) -> None:
        """Unplug the cable: nothing gets through, nobody is told."""
        run("ip", "link", "set", self._cable, "down")

    def heal(self) -> None:
        """Plug it in again."""
        run("ip", "link", "set", self._cable, "up")

    def __enter__(self) -> Self:
        there = ("ip", "-n", self._name)
        run("ip", "netns", "add", self._name)
        try:
            run(
                "ip",
                "link",
                "add",
                self._cable,
                "type",
                "veth",
                "peer",
                "eth0",
                "netns",
                self._name,
            )
            run("ip", "address", "add", f"{self.our_address}/30", "dev", self._cable)
            run(*there, "address", "add", f"{self.address}/30", "dev", "eth0")
            run("ip", "link", "set", self._cable, "up")
            run(*there, "link", "set", "eth0", "up")
            run(*there, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        run("ip", "netns", "delete", self._name)

    @staticmethod
    def _address(number: int) -> str:
        return f"198.18.{number // 256}.{number % 256}"


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
