"""How long the embedded backend waits for what."""

from attrs import frozen

__all__ = ["Patience"]


@frozen(kw_only=True)
class Patience:
    """How long the writer waits for what, in seconds of real time: another program that holds the
    file knows nothing of a test's clock."""

    locked: float = 5.0
    """For a locked file, counted for each operation, before it fails."""
    step: float = 0.25
    """Between two looks at what else waits, while the file is locked."""
    announce: float = 1.0
    """Before a lock that another program holds is called trouble."""
    probe: float = 1.0
    """Between two tries of its own while nothing can be written and nobody tries, and between two
    looks at all the files while commits are made."""
    look: float = 5.0
    """Between two looks at the files, while nothing is to be written."""
