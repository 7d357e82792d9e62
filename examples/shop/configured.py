"""The container as the environment sets it, for the command line and for worker processes:

export SHOP_TASKS=postgresql://localhost/shop
bgtasks database upgrade examples.shop.configured:container
bgtasks worker examples.shop.configured:container
"""

from examples.shop.containers import Application
from examples.shop.settings import settings_from_environment

container = Application()
container.config.from_dict(settings_from_environment())
