"""The loops that all stores share: what happens to tasks, wherever they are stored."""
