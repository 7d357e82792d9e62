"""What each command does with the opened tasks. Needs the extra ``cli``."""

import argparse
from collections.abc import Awaitable, Callable

from bgtasks.cli.tasks.changes import (
    cancel_tasks,
    change_matching,
    delete_tasks,
    retry_tasks,
    run_again,
)
from bgtasks.cli.tasks.client import PageRequest, TaskClient
from bgtasks.cli.tasks.details import show_task
from bgtasks.cli.tasks.filter_options import check_choice, filter_in
from bgtasks.cli.tasks.listing import count_tasks, list_tasks
from bgtasks.cli.tasks.opening import Opening
from bgtasks.cli.tasks.progress import watch_task
from bgtasks.cli.tasks.screen import Screen
from bgtasks.cli.tasks.task_log import follow_log, show_log

__all__ = ["carry_out"]


async def carry_out(tasks: Opening, options: argparse.Namespace) -> bool:
    """Do what ``options`` ask for; returns whether all of it succeeded."""
    screen = Screen()
    if options.action in _BY_ID:
        check_choice(options)
    async with tasks as client:
        return await _ACTIONS[options.action](client, screen, options)


async def _list(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    include = frozenset(filter(None, [options.include]))
    wanted = PageRequest(tasks=filter_in(options), limit=options.limit, include=include)
    await list_tasks(client, screen, wanted, options.json)
    return True


async def _counts(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    await count_tasks(client, screen, filter_in(options), options.json)
    return True


async def _show(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    await show_task(client, screen, options.id, options.json)
    return True


async def _watch(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    return await watch_task(client, screen, options.id, options.json)


async def _logs(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    show = follow_log if options.follow else show_log
    await show(client, screen, options.id, options.after, options.json)
    return True


async def _change(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    if options.ids:
        return await _BY_ID[options.action](client, screen, options.ids)
    wanted = filter_in(options)
    return await change_matching(client, screen, options.action, wanted, dry_run=options.dry_run)


async def _run_again(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    return await run_again(client, screen, options.ids)


_BY_ID = {"cancel": cancel_tasks, "retry": retry_tasks, "delete": delete_tasks}


_ACTIONS: dict[str, Callable[[TaskClient, Screen, argparse.Namespace], Awaitable[bool]]] = {
    "list": _list,
    "counts": _counts,
    "show": _show,
    "watch": _watch,
    "logs": _logs,
    **dict.fromkeys(_BY_ID, _change),
    "run-again": _run_again,
}
