"""The shop's container: everything it is made of, and the background tasks among it."""

from dependency_injector import containers, providers
from sqlalchemy.exc import OperationalError

from bgtasks import (
    BackgroundTasksContainer,
    Cron,
    Rate,
    Retry,
    Unique,
    background_task,
    schedule,
)
from examples.shop.accounts import Accounts, ShopPolicy
from examples.shop.closing import CloseDayWorker
from examples.shop.database import Database, open_session
from examples.shop.exports import ExportFiles, ExportOrdersWorker
from examples.shop.invoices import MailError, Outbox, SendInvoiceWorker
from examples.shop.orders import Orders
from examples.shop.tasks import CloseDayTask, ExportOrdersTask, SendInvoiceTask


class Application(containers.DeclarativeContainer):
    """The shop."""

    config = providers.Configuration(strict=True)

    database = providers.Singleton(Database, config.database_url)
    accounts = providers.Singleton(Accounts, database)
    orders = providers.Singleton(Orders, database)
    export_files = providers.Singleton(ExportFiles, config.exports)
    mailer = providers.Singleton(Outbox, config.outbox)

    # Scoped: each attempt of a task gets a session of its own, closed when the attempt is over.
    session = providers.ContextLocalResource(open_session, database)

    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        policy=providers.Singleton(ShopPolicy),
        tasks=providers.List(
            background_task(
                ExportOrdersTask,
                providers.Factory(
                    ExportOrdersWorker, session, export_files, pause=config.export_pause
                ),
                # A second click finds the export of the first one, also just after its end.
                unique=Unique(by=("customer", "year"), at_least="3 s"),
            ),
            background_task(
                SendInvoiceTask,
                providers.Factory(SendInvoiceWorker, session, mailer),
                unique=Unique(by=("order",)),
                # What the mail provider takes, in all processes together.
                rate=Rate(14, per=1),
                # What passes: no mail server for a while, a database that others are writing.
                retry=Retry(max_attempts=5, on=(MailError, OperationalError)),
            ),
            background_task(CloseDayTask, providers.Factory(CloseDayWorker, session)),
        ),
        schedules=providers.List(
            schedule("close-day", Cron("0 3 * * *"), providers.Factory(CloseDayTask)),
        ),
    )
