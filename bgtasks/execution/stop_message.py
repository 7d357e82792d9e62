"""What a stop says before it waits."""

import logging
from collections.abc import Sequence

from bgtasks.core.record import TaskRecord

__all__ = ["say_what_is_waited_for"]

logger = logging.getLogger(__name__)

SHOWN = 5
"""How many tasks are named."""


def say_what_is_waited_for(tasks: Sequence[TaskRecord], grace: float) -> None:
    """Log which running tasks get ``grace`` seconds to end, if there are any.

    At WARNING, which is shown also where nobody has set logging up.
    """
    if not tasks:
        return
    what = "1 running task" if len(tasks) == 1 else f"{len(tasks)} running tasks"
    names = ", ".join(f"{task.type} {task.id}" for task in tasks[:SHOWN])
    if len(tasks) > SHOWN:
        names += f" and {len(tasks) - SHOWN} more"
    if grace > 0:
        message = "waiting up to %g s (stop_grace) for %s: %s; press Ctrl-C again to stop now"
        logger.warning(message, grace, what, names)
    else:
        logger.warning("telling %s to end: %s", what, names)
