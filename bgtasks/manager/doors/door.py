"""What all parts of the manager's public methods stand on."""

from bgtasks.manager.switch import Switch

__all__ = ["Door"]


class Door:
    """Methods of a manager that need nothing but what is there between its start and its stop."""

    _switch: Switch
