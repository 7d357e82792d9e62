"""The manager: takes tasks in, has them run, tells how they are."""

from bgtasks.manager.manager import BackgroundTaskManager

__all__ = ["BackgroundTaskManager"]
