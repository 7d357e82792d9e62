"""``clients.py PORT CLIENTS TASKS``: websockets that note how old each update is when it comes.

Says ``ready`` when every client has been shown every task, and its figures when each client has
every task's final state, or when it is told to stop waiting. Bare websockets with compression, as
browsers have it; of a message only what is needed is looked at.
"""

import asyncio
import json
import sys
import time

import aiohttp

NAMESPACE = "/background-tasks"
AT_ONCE = 20
PATIENCE = 120.0
SAMPLES = 10_000


class Client:
    """One browser."""

    def __init__(self, tasks: int) -> None:
        self.shown: set[str] = set()
        self.final: set[str] = set()
        self.received = 0
        self.ages: list[float] = []
        self.was_shown_all = asyncio.Event()
        self.has_all_final = asyncio.Event()
        self.joined = asyncio.Event()
        self._tasks = tasks

    async def read(self, session: aiohttp.ClientSession, url: str) -> None:
        """Take what comes, until the end."""
        async with session.ws_connect(url, compress=15, max_msg_size=0) as connection:
            await connection.send_str(f"40{NAMESPACE},")
            async for message in connection:
                text = message.data
                if text == "2":
                    await connection.send_str("3")
                elif text.startswith("42"):
                    self._updated(text)
                elif text.startswith("40"):
                    self.joined.set()

    def _updated(self, text: str) -> None:
        self.received += 1
        at = text.index('"id":"') + 6
        task = text[at : at + 36]
        if len(self.shown) < self._tasks:
            self.shown.add(task)
            if len(self.shown) == self._tasks:
                self.was_shown_all.set()
        if '"status":"Running"' not in text:
            if '"status":"Completed"' in text:
                self.final.add(task)
                if len(self.final) == self._tasks:
                    self.has_all_final.set()
        elif (at := text.find('"sentAt":')) > 0:
            sent_at = float(text[at + 9 : text.index("}", at)].split(",")[0])
            self.ages.append(time.monotonic() - sent_at)


async def main(port: int, count: int, tasks: int) -> None:
    url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    clients = [Client(tasks) for _ in range(count)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        reading = []
        for start in range(0, count, AT_ONCE):
            some = clients[start : start + AT_ONCE]
            reading += [asyncio.create_task(client.read(session, url)) for client in some]
            await asyncio.wait_for(
                asyncio.gather(*(client.was_shown_all.wait() for client in some)), PATIENCE
            )
        for client in clients:
            client.received = 0
        print("ready", flush=True)
        finals = asyncio.gather(*(client.has_all_final.wait() for client in clients))
        stop = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        await asyncio.wait([finals, stop], return_when=asyncio.FIRST_COMPLETED)
        for client in clients:
            if missing := sorted(client.shown - client.final):
                print(f"no final state of {missing}", file=sys.stderr)
        ages = sorted(age for client in clients for age in client.ages)
        figures = {
            "received": sum(client.received for client in clients),
            "final": sum(len(client.final) for client in clients),
            "disconnected": sum(one.done() for one in reading),
            "ages": ages[:: max(len(ages) // SAMPLES, 1)],
        }
        print(json.dumps(figures), flush=True)


asyncio.run(main(*map(int, sys.argv[1:4])))
