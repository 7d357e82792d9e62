"""The manager: accepts tasks, has them run, and reports their state."""

from bgtasks.manager.manager import BackgroundTaskManager

__all__ = ["BackgroundTaskManager"]
