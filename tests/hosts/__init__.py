"""The host applications that tests share."""

from pathlib import Path

__all__ = ["HOSTS"]

HOSTS = Path(__file__).parent
"""The folder, for tests that run a host in a process of its own."""
