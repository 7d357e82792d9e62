"""A host in whose night something of everything has happened: what pictures show."""

import asyncio
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from attrs import frozen
from dependency_injector import providers

from bgtasks import (
    BackgroundTaskBase,
    BackgroundTasksContainer,
    BackgroundWorker,
    BackgroundWorkerContext,
    Cron,
    Every,
    Retry,
    background_task,
    schedule,
)
from tests.hosts.exports_host import Exports, ExportsHost, ExportTask

logger = logging.getLogger("studio.transcoding")


@frozen(kw_only=True)
class TranscodeTask(BackgroundTaskBase):
    film: str
    preset: str = "web-1080p"

    @property
    def display_name(self) -> str:
        return f"Transcode {self.film}"


@frozen(kw_only=True)
class MailTask(BackgroundTaskBase):
    to: str

    @property
    def display_name(self) -> str:
        return f"Mail to {self.to}"


class TranscodeWorker(BackgroundWorker[TranscodeTask, Any]):
    """Comes as far as its film says, and stays there."""

    async def execute(self, context: BackgroundWorkerContext[TranscodeTask, Any]) -> None:
        film = context.task.film
        part = 20 + sum(map(ord, film)) % 70
        context.log(f"reading {film}")
        logger.warning("the index of %s is missing, it is built anew", film)
        for reel in range(1, part // 10 + 1):
            context.log(f"reel {reel} is done")
        payload = {"film": film, "frames": part * 1437, "fps": 41.7, "reels": part // 10}
        context.report_progress(part, f"reel {part // 10 + 1} of 10", payload=payload)
        await asyncio.Event().wait()


class MailWorker(BackgroundWorker[MailTask, None]):
    async def execute(self, context: BackgroundWorkerContext[MailTask, None]) -> None:
        if context.task.to.startswith("bounce"):
            raise ConnectionError(f"550 mailbox unavailable: {context.task.to}")


class Night(Exports):
    config = providers.Configuration()
    background_tasks = providers.Container(
        BackgroundTasksContainer,
        config=config.background_tasks,
        policy=Exports.policy,
        clock=Exports.clock,
        tasks=providers.List(
            background_task(ExportTask, Exports.worker, max_concurrency=8, timeout=600),
            background_task(TranscodeTask, providers.Factory(TranscodeWorker), max_concurrency=3),
            background_task(
                MailTask, providers.Factory(MailWorker), retry=Retry(max_attempts=3, backoff=900)
            ),
        ),
        schedules=providers.List(
            schedule(
                "nightly-export",
                Cron("0 3 * * *", timezone="Europe/Berlin"),
                providers.Factory(ExportTask, share="nas-1", number=0),
            ),
            schedule("newsletter", Cron("30 7 * * mon-fri"), providers.Factory(MailTask, to="all")),
            schedule("health-mail", Every(hours=2), providers.Factory(MailTask, to="ops")),
        ),
    )


class NightHost(ExportsHost):
    """The night, and this moment: transcodings run and wait, mails are paused."""

    application = Night

    def one_night(self) -> list[UUID]:
        failed = list(super().one_night())
        self.call(self._now())
        return failed

    async def _now(self) -> None:
        manager = self.container.background_tasks.manager()
        for name in ("ada", "grace", "bounce-7"):
            await manager.run_task(MailTask(to=f"{name}@example.org"), owner=name)
        await asyncio.sleep(0.2)
        await manager.pause("MailTask", reason="the provider is down")
        for name in ("barbara", "katherine"):
            await manager.run_task(MailTask(to=f"{name}@example.org"), owner=name)
        await manager.run_task(MailTask(to="later@example.org"), delay=timedelta(hours=4))
        films = ("Holidays.mkv", "The General.mkv", "Metropolis.mkv", "Nosferatu.mkv", "Faust.mkv")
        for film in films:
            await manager.run_task(TranscodeTask(film=film), owner="alice")
        await asyncio.sleep(0.5)
