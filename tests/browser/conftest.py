"""The product in one process tree with something to show, and a Chromium of the system's."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright

from shared.queue import QueueOptions, TaskQueue
from shared.settings import TcpTarget
from shared.transports.tcp import TcpTransport
from tests.browser.seed import seed
from tests.support.local_run import ROOT, LocalRun
from tests.support.server import free_port

QUEUES = "emails,webhooks,images,data,default"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
#: Each page as it is come to first.
PAGES = (
    "/",
    "/tasks",
    "/dead-letters",
    "/queues",
    "/workers",
    "/schedules",
    "/submit",
    "/settings",
    "/nowhere",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for all, so that one browser can serve all: each test has a context of its own in it."""
    for item in items:
        if pytest_asyncio.is_async_test(item) and item.path.is_relative_to(ROOT / "tests" / "browser"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium: CHROMIUM, else what the system has."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path is not None, "no Chromium; install Debian's package chromium or set CHROMIUM to a path"
    return path


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots go; git ignores it."""
    folder = ROOT / "tests" / "artifacts" / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def built() -> None:
    """The dashboard must have been built: `sh frontend/build.sh`, as `make install` does."""
    assert (ROOT / "frontend" / "dist" / "index.html").is_file(), "no frontend/dist; run sh frontend/build.sh"


def _run(data: Path, **environment: str) -> Iterator[LocalRun]:
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        running = LocalRun(data, "--handlers", "tests.browser.handlers", port=free_port())
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    yield running
    running.stop()


@pytest.fixture(scope="module")
def product(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """The whole product, empty."""
    yield from _run(tmp_path_factory.mktemp("product") / "data", QUEUES=QUEUES)


@pytest_asyncio.fixture(loop_scope="session")
async def address(product: LocalRun) -> str:
    """Of the empty product, once it is ready."""
    return await product.ready()


@pytest_asyncio.fixture(loop_scope="session")
async def seeded(product: LocalRun) -> str:
    """Of the product with tasks in every status."""
    address = await product.ready()
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
        await seed(client)
    return address


@pytest_asyncio.fixture(loop_scope="session")
async def engine(product: LocalRun, seeded: str) -> AsyncIterator[TaskQueue]:
    """The product's own queue, past its API."""
    async with httpx.AsyncClient(base_url=seeded, trust_env=False) as client:
        namespace = (await client.get("/api/overview")).json()["environment"]
    found = re.search(r"redis://\S+", product.lines)
    assert found is not None, product.lines
    transport = TcpTransport(TcpTarget(found[0]))
    yield TaskQueue(transport, QueueOptions(namespace=namespace))
    await transport.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A browser without a sandbox, as tests may run as root."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield running
        await running.close()


async def new_context(browser: Browser, *, theme: str = "light", phone: bool = False) -> BrowserContext:
    """A viewer in Berlin."""
    return await browser.new_context(
        viewport=PHONE if phone else DESKTOP,
        color_scheme="dark" if theme == "dark" else "light",
        locale="en-GB",
        timezone_id="Europe/Berlin",
        has_touch=phone,
    )


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A desktop page; whatever its console calls an error fails the test."""
    context = await new_context(browser)
    context.set_default_timeout(15_000)
    opened = await context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    await context.close()
    assert errors == []


def message(page: Page, text: str | re.Pattern[str]) -> Locator:
    """A message at the foot of the page; what it says is also announced, where nobody sees it."""
    return page.get_by_role("region", name="Messages").get_by_text(text)
