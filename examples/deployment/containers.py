"""The container, configured by the environment, for workers and web nodes alike."""

from dependency_injector import containers, providers

from bgtasks import BackgroundTasksContainer, Retry, background_task
from examples.deployment.reports import ReportTask, ReportWorker
from examples.deployment.settings import from_environment


class Application(containers.DeclarativeContainer):
    """All parts."""

    config = providers.Configuration()
    report_worker = providers.Factory(ReportWorker)
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        tasks=providers.List(
            background_task(ReportTask, report_worker, retry=Retry(max_attempts=3)),
        ),
    )


container = Application()
container.config.from_dict(from_environment())
