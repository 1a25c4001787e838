"""The vendor's own router in front of the function: `vercel dev` on a copy of the built checkout.

Run by `.ci/vercel.sh`. VERCEL_CLI names the vendor's program, VERCEL_PATH where it finds uv, Python and npm.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.vercel_fixtures import CHECKOUT, KEY, PYTHON, variables
from tests.support.gateway import GatewayProcess
from tests.support.server import free_port
from tests.support.waiting import wait_until

#: The first request of the function installs what it needs.
pytestmark = pytest.mark.timeout(240)
SIGNED = {"Authorization": f"Bearer {KEY}"}


class Router:
    """`vercel dev` in a folder of its own, at `url`."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        # Files are linked: the dashboard's packages alone are a hundred megabytes.
        shutil.copytree(
            CHECKOUT, folder, symlinks=True, copy_function=os.link,
            ignore=shutil.ignore_patterns(".vercel", "uv.lock", ".python-version"),
        )  # fmt: skip
        shutil.rmtree(folder / "frontend" / "dist")
        config = json.loads((folder / "vercel.json").read_text("utf-8"))
        # This version refuses in `dev` what it wants in `build`.
        del config["functions"]["api/index.py"]["maxDuration"]
        (folder / "vercel.json").unlink()
        (folder / "vercel.json").write_text(json.dumps(config), "utf-8")
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder.with_suffix(".log")
        options = ("--local", "--yes", "--listen", f"127.0.0.1:{self.port}")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                ["node", os.environ["VERCEL_CLI"], "dev", *options],
                cwd=folder, stdout=log, stderr=log, start_new_session=True,
                env={
                    **os.environ,
                    "PATH": os.environ["VERCEL_PATH"],
                    "UV_PYTHON": PYTHON,
                    "VERCEL_TELEMETRY_DISABLED": "1",
                    "NO_UPDATE_NOTIFIER": "1",
                },
            )  # fmt: skip

    async def ready(self) -> None:
        def is_ready() -> bool:
            assert self._process.poll() is None, self.lines
            return "Ready!" in self.lines

        await wait_until(is_ready, describe="the router is ready", timeout_s=60, pause_s=0.1)

    @property
    def lines(self) -> str:
        return self._log.read_text()

    def stop(self) -> None:
        """Ends the program and the function that it has started."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def router(gateway: GatewayProcess, tmp_path: Path) -> Iterator[Router]:
    running = Router(tmp_path / "dev", variables(gateway))
    yield running
    running.stop()
    print(running.lines[-3000:])


async def test_the_vendors_router_leads_where_we_say(router: Router) -> None:
    await router.ready()
    async with httpx.AsyncClient(base_url=router.url, headers=SIGNED, trust_env=False, timeout=120) as client:
        assert (await client.get("/api/health")).json() == {"status": "ok"}
        for page in ("/", "/tasks", "/tasks/123", "/apiary"):
            answer = await client.get(page)
            assert (answer.status_code, "<!doctype html>" in answer.text) == (200, True), page
        assert (await client.get("/assets/missing.js")).status_code == 404
        for path in ("/docs", "/openapi.json", "/api/ready", "/api/overview"):
            assert (await client.get(path)).status_code == 200, path
        nowhere = await client.get("/api/nothing")
        assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, "application/problem+json")

        submitted = await client.post("/api/tasks?", json={"task_type": "routed", "payload": {}})
        assert submitted.status_code == 202, submitted.text
        asked = {"status": "pending", "limit": "1", "task_type": "routed"}
        [listed] = (await client.get("/api/tasks", params=asked)).json()["tasks"]
        assert listed["id"] == submitted.json()["id"]
        added = await client.get("/api/tasks", params={"path": "x"})
        assert added.status_code == 422, "no rewrite adds such a parameter, or every request would have it"
