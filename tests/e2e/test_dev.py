"""`make dev`: the dashboard by Vite with the API behind it, in one process tree."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.local_run import ROOT, LocalRun
from tests.support.processes import command_of
from tests.support.server import free_port


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_vite_serves_sources_with_the_api_behind(tmp_path: Path) -> None:
    lock = ROOT / "frontend" / "package-lock.json"
    installed = ROOT / "frontend" / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        pytest.skip("frontend/node_modules is missing or old; `make install` renews it")
    running = LocalRun(tmp_path / "data", "--dev", "--no-worker", port=free_port())
    try:
        async with httpx.AsyncClient(base_url=await running.ready(), trust_env=False) as client:
            page = await client.get("/")
            assert "/src/main.tsx" in page.text, "sources, not a build"
            assert (await client.get("/api/ready")).json() == {"status": "ready"}
            origin = {"Origin": str(client.base_url).rstrip("/")}
            body = {"task_type": "hello", "payload": {"name": "Ada"}}
            assert (await client.post("/api/tasks", json=body, headers=origin)).status_code == 202
            port = f"--port\0{client.base_url.port}\0".encode()
            assert _serving(port)
    finally:
        code = running.stop()
        print(running.lines[-3000:])
    assert code == 0
    assert not _serving(port), "it leaves nothing behind"


def _serving(port: bytes) -> list[str]:
    commands = {
        path.parent.name: command_of(int(path.parent.name)) for path in Path("/proc").glob("[0-9]*/stat")
    }
    return [pid for pid, command in commands.items() if b"vite" in command and port in command]
