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
from bgtasks.cli.tasks.ids import whole_id, whole_ids
from bgtasks.cli.tasks.listing import count_tasks, list_tasks
from bgtasks.cli.tasks.opening import Opening
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
    wanted = PageRequest(
        tasks=filter_in(options), limit=options.limit, include=include, sort=options.sort
    )
    if options.watch:
        # Late, as in what follows: these move on a terminal, with what takes long to be imported.
        from bgtasks.cli.tasks.watched import watch_list

        await watch_list(client, screen, wanted)
    else:
        await list_tasks(client, screen, wanted, options.json)
    return True


async def _counts(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    await count_tasks(client, screen, filter_in(options), options.json)
    return True


async def _show(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    await show_task(client, screen, await whole_id(client, options.id), options.json)
    return True


async def _watch(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    from bgtasks.cli.tasks.progress import watch_task

    return await watch_task(client, screen, await whole_id(client, options.id), options.json)


async def _logs(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    show = follow_log if options.follow else show_log
    task_id = await whole_id(client, options.id)
    await show(client, screen, task_id, options.after, options.json)
    return True


async def _change(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    if options.ids:
        ids = await whole_ids(client, options.ids)
        return await _BY_ID[options.action](client, screen, ids)
    wanted = filter_in(options)
    return await change_matching(client, screen, options.action, wanted, dry_run=options.dry_run)


async def _run_again(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    return await run_again(client, screen, await whole_ids(client, options.ids))


async def _run(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    screen.line(str(await client.run(options.type, options.arguments, options.owner)))
    return True


async def _top(client: TaskClient, screen: Screen, options: argparse.Namespace) -> bool:
    from bgtasks.cli.tasks.watched import show_top

    await show_top(client, screen, options.every)
    return True


_BY_ID = {"cancel": cancel_tasks, "retry": retry_tasks, "delete": delete_tasks}


_ACTIONS: dict[str, Callable[[TaskClient, Screen, argparse.Namespace], Awaitable[bool]]] = {
    "list": _list,
    "counts": _counts,
    "show": _show,
    "watch": _watch,
    "logs": _logs,
    **dict.fromkeys(_BY_ID, _change),
    "run-again": _run_again,
    "run": _run,
    "top": _top,
}
