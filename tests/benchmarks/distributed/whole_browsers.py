"""``whole_browsers.py PORT FIRST STEP``: websockets of many users, who each see their own tasks.

A line ``{"count"}`` says how many users there are; those from FIRST on, STEP apart, connect here,
and ``ready`` is said. A line ``{"within"}`` waits so many seconds for what is still to come, then
says how many messages and ends came since the last time, and how old each end was.
"""

import asyncio
import json
import sys
import time

import aiohttp

NAMESPACE = "/background-tasks"
AT_ONCE = 20
QUIET = 1.0
"""Seconds without a message, after which nothing is still to come."""


class Users:
    """What came for all of them."""

    def __init__(self) -> None:
        self.messages = 0
        self.ages: list[float] = []
        self.last = 0.0

    async def follow(self, session: aiohttp.ClientSession, url: str, joined: asyncio.Event) -> None:
        """Take what comes for one user."""
        async with session.ws_connect(url, compress=15, max_msg_size=0) as connection:
            await connection.send_str(f"40{NAMESPACE},")
            async for message in connection:
                text = message.data
                if text == "2":
                    await connection.send_str("3")
                elif text.startswith("42"):
                    self._updated(text)
                elif text.startswith("40"):
                    joined.set()

    def _updated(self, text: str) -> None:
        self.messages += 1
        self.last = time.monotonic()
        if '"status":"Completed"' in text:
            at = text.index('"sentAt":')
            sent_at = float(text[at + 9 : text.index("}", at)].split(",")[0])
            self.ages.append(self.last - sent_at)

    async def rest(self, within: float) -> None:
        """Wait for what is still to come."""
        self.last = now = time.monotonic()
        until = now + within
        while now < min(until, self.last + QUIET):
            await asyncio.sleep(0.05)
            now = time.monotonic()


async def main(port: int, first: int, step: int) -> None:
    count = json.loads(await asyncio.to_thread(sys.stdin.readline))["count"]
    users, following = Users(), []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        names = range(first, count, step)
        for start in range(0, len(names), AT_ONCE):
            joined = []
            for name in names[start : start + AT_ONCE]:
                url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket&user=u{name}"
                joined.append(asyncio.Event())
                following.append(asyncio.create_task(users.follow(session, url, joined[-1])))
            await asyncio.wait_for(asyncio.gather(*(each.wait() for each in joined)), 60)
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await users.rest(json.loads(line)["within"])
            said = {"messages": users.messages, "ended": len(users.ages), "ages": users.ages}
            print(json.dumps(said), flush=True)
            users.messages, users.ages = 0, []


asyncio.run(main(*map(int, sys.argv[1:4])))
