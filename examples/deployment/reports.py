"""The task and its worker."""

import asyncio

from attrs import frozen

from bgtasks import BackgroundTaskBase, BackgroundWorker, BackgroundWorkerContext


@frozen(kw_only=True)
class ReportTask(BackgroundTaskBase):
    """Write a report, in as many steps."""

    title: str = "Report"
    steps: int = 20

    @property
    def display_name(self) -> str:
        """What people see."""
        return self.title


class ReportWorker(BackgroundWorker[ReportTask, None]):
    """Pretends to write one, half a second a step."""

    async def execute(self, context: BackgroundWorkerContext[ReportTask, None]) -> None:
        """See :class:`BackgroundWorker`."""
        steps = context.task.steps
        for step in range(1, steps + 1):
            await asyncio.sleep(0.5)
            context.report_progress(100 * step / steps, f"page {step} of {steps}")
