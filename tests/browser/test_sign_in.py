"""Signing in by key: a wrong one, one that may only read, and an admin's, which see what they may do."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.keys import Keys
from tests.support.local_run import ROOT
from tests.support.server import Server, free_port
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

KEYS = {"ops": ("admin", "dtq_admin-key-of-this-test"), "view": ("read", "dtq_read-key-of-this-test")}


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(built: None, server: Server, tmp_path: Path) -> AsyncIterator[str]:
    """An API with two keys, and the dashboard beside it."""
    entries = [
        f"{name}:{role}:{hashlib.sha256(key.encode()).hexdigest()}" for name, (role, key) in KEYS.items()
    ]
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (tmp_path / "api.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.server", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "REDIS_URL": server.url, "API_KEYS": ",".join(entries)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    async def is_up() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"{address}/api/health")).status_code == 200
            except httpx.HTTPError:
                return False

    try:
        await wait_until(is_up, describe="the API answers", timeout_s=20)
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {KEYS['ops'][1]}"}
            paused = await client.post("/api/queues/emails/pause", json={"reason": "night"}, headers=headers)
            assert paused.status_code == 200, paused.text
        yield address
    finally:
        process.terminate()
        process.wait(10)


async def enter(page: Page, key: str) -> None:
    """By the keyboard alone; the field has the focus."""
    await expect(page.get_by_label("API key")).to_be_focused()
    keys = Keys(page)
    await keys.write(key)
    await keys.press("Enter")


async def test_sign_in_read_only(guarded: str, page: Page, pictures: Path):
    await page.goto(f"{guarded}/queues")
    await enter(page, "dtq_wrong")
    await expect(page.get_by_role("alert")).to_contain_text("This key is not known")
    await page.screenshot(path=pictures / "sign-in.png")
    await enter(page, KEYS["view"][1])
    await expect(page.get_by_role("heading", level=1, name="Queues")).to_be_visible()
    await expect(page.get_by_text("Read-only key")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text="emails")).to_contain_text("Paused")
    await expect(page.get_by_role("button", name=re.compile("Resume|Pause queue"))).to_have_count(0)
    await expect(page.get_by_role("link", name="Submit a task")).to_have_count(0)
    assert await page.evaluate("sessionStorage.length") == 0
    await page.reload()
    await expect(page.get_by_text("Read-only key")).to_be_visible()
    await Keys(page).choose(page.get_by_role("button", name="Sign out"))
    await enter(page, KEYS["ops"][1])
    await expect(page.get_by_role("button", name="Resume queue emails")).to_be_visible()
    await page.goto(f"{guarded}/settings")
    await expect(page.get_by_role("heading", name="Who did what")).to_be_visible()
    await expect(
        page.get_by_role("region", name="Keys").get_by_role("row").filter(has_text="view")
    ).to_contain_text("read")
    await page.context.clear_cookies()
    await expect(page.get_by_role("status")).to_contain_text("You were signed out", timeout=20_000)
    assert page.url.endswith("/settings")
