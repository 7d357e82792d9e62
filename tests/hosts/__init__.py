"""The host applications that tests share."""

from pathlib import Path

__all__ = ["HOSTS"]

HOSTS = Path(__file__).parent
"""The folder, for a test that has a copy of a host run."""
