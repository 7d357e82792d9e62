"""The container as the environment sets it, for ``python -m bgtasks``, which gives it no options:

export MEDIA_LIBRARY_DATABASE=postgresql://localhost/media
python -m bgtasks database upgrade examples.media_library.configured:container
python -m bgtasks worker examples.media_library.configured:container
"""

from examples.media_library.containers import Application
from examples.media_library.settings import settings_from_environment

container = Application()
container.config.from_dict(settings_from_environment())
