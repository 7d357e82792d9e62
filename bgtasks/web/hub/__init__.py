"""The live side: updates to the clients that follow them, by Socket.IO or as event streams."""

from bgtasks.web.hub.hub import Hub

__all__ = ["Hub"]
