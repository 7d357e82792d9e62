"""What the shop does in the background: three tasks, and what their workers report and return."""

from datetime import date

from attrs import frozen

from bgtasks import BackgroundTaskBase


@frozen(kw_only=True)
class ExportOrdersTask(BackgroundTaskBase):
    """Write all orders of one customer in one year to a file."""

    customer: str
    year: int

    @property
    def display_name(self) -> str:
        return f"Orders of {self.year}"


@frozen(kw_only=True)
class ExportProgress:
    """How far an export is."""

    rows_written: int
    rows_total: int


@frozen(kw_only=True)
class ExportReport:
    """What an export made."""

    rows: int
    bytes: int


@frozen(kw_only=True)
class SendInvoiceTask(BackgroundTaskBase):
    """Mail the invoice of one order, unless it was mailed before."""

    order: int

    @property
    def display_name(self) -> str:
        return f"Invoice {self.order}"


@frozen(kw_only=True)
class CloseDayTask(BackgroundTaskBase):
    """Add up what was sold on a day; without one, on the day before."""

    day: date | None = None

    @property
    def display_name(self) -> str:
        return "Close the day" if self.day is None else f"Close {self.day}"


@frozen(kw_only=True)
class DayReport:
    """What was sold on a day."""

    day: date
    orders: int
    cents: int
