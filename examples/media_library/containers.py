"""The application's container: everything it is made of, and the background tasks among it."""

from pathlib import Path

from dependency_injector import containers, providers

from bgtasks import (
    BackgroundTasksContainer,
    Cron,
    PerKey,
    Retry,
    Unique,
    background_task,
    schedule,
)
from examples.media_library.copying import CopyOperationWorker
from examples.media_library.database import Database, open_session
from examples.media_library.media import MediaReader
from examples.media_library.scan import MetadataScanWorker
from examples.media_library.tasks import CopyOperationTask, MetadataScanTask


class Application(containers.DeclarativeContainer):
    """The media library."""

    config = providers.Configuration(strict=True)

    database = providers.Singleton(Database, config.database_url)
    # Scoped: each run of a task gets a session of its own, closed when the run is over.
    session = providers.ContextLocalResource(open_session, database)
    reader = providers.Singleton(MediaReader)

    scan_worker = providers.Factory(MetadataScanWorker, session, reader, pause=config.scan_pause)
    copy_worker = providers.Factory(
        CopyOperationWorker, bytes_per_second_limit=config.copy_bytes_per_second
    )

    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            # One scan of a folder at a time: a second would do the same work again.
            background_task(
                MetadataScanTask, scan_worker, max_concurrency=1, unique=Unique(by=("folder",))
            ),
            background_task(
                CopyOperationTask,
                copy_worker,
                # Two copies a user at once: whoever copies a whole library keeps nobody waiting.
                per_key=PerKey(2, by="owner"),
                # A disk or network that failed may be back in a moment; a copy that was
                # refused (CopyRefusedError) would be refused again.
                retry=Retry(max_attempts=3, on=OSError),
            ),
        ),
        schedules=providers.List(
            # What was put into the folder by other ways than this page is found at night.
            schedule(
                "nightly-scan",
                providers.Factory(Cron, "0 3 * * *", timezone=config.timezone),
                providers.Factory(MetadataScanTask, folder=config.folder.as_(Path)),
            ),
        ),
    )
