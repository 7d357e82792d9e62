"""HTTP and Socket.IO for a manager's tasks: routes, hub and the policy that both ask."""

from bgtasks.web.app import create_app
from bgtasks.web.hub import Hub
from bgtasks.web.lifespan import Lifespan
from bgtasks.web.policy import BackgroundTaskPolicy
from bgtasks.web.requester import Requester

__all__ = ["BackgroundTaskPolicy", "Hub", "Lifespan", "Requester", "create_app"]
