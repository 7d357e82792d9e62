"""``python -m bgtasks``."""

import sys

from bgtasks.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
