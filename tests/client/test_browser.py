"""A page without a build: one import from the mounted application, in headless Chromium."""

import os
import shutil
from typing import Any

import pytest
from playwright.async_api import async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium: install one of {', '.join(NAMES)}"),
]


async def test_two_tabs_follow_a_task_over_a_restart_of_the_server(server: Any) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        tabs = [await browser.new_page() for _ in range(2)]
        problems: list[str] = []
        for tab in tabs:
            tab.on("pageerror", lambda error: problems.append(str(error)))
            await tab.goto(server.url)
        task_id = await server.gate()
        for tab in tabs:
            await expect(tab.locator("li")).to_have_text(["GateTask Running 1"], timeout=20_000)
        await server.kill()
        await server.start()
        await server.open(task_id)
        for tab in tabs:
            await expect(tab.locator("li")).to_have_text(["GateTask Completed 2"], timeout=20_000)
        await browser.close()
    assert problems == []


async def test_a_page_without_our_client_follows_and_cancels(server: Any) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await server.gate()
        await page.goto(f"{server.url}/raw")
        await expect(page.locator("li")).to_have_text(["GateTask Running 1"])
        await page.get_by_role("button").click()
        await expect(page.locator("output")).to_have_text("true")
        await expect(page.locator("li")).to_have_text(["GateTask Cancelled 1"])
        await browser.close()
    assert problems == []
