"""Live events of the built function under the vendor's runtime: chunk by chunk, many at once, and left alone."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.deploy.launcher import Instance
from tests.deploy.streaming import Viewer
from tests.deploy.vercel_fixtures import KEY, PYTHON, variables
from tests.support.gateway import GatewayProcess
from tests.support.waiting import wait_until

SIGNED = {"Authorization": f"Bearer {KEY}"}
#: What a careless middleware does: the answer is collected, and sent when it is whole.
COLLECTING = """

class Collecting:
    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        held = []

        async def hold(message):
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                for one in held:
                    await send(one)

        await self.inner(scope, receive, hold if scope["type"] == "http" else send)


app = Collecting(app)
"""


async def _viewer(instance: Instance, **headers: str) -> Viewer:
    return await Viewer.of(urlsplit(instance.url).port or 80, "/api/events", {**SIGNED, **headers})


def _submit(client: httpx.Client) -> str:
    submitted = client.post("/api/tasks", json={"task_type": "email", "payload": {}})
    assert submitted.status_code == 202, submitted.text
    return str(submitted.json()["id"])


async def test_each_event_arrives_before_the_next_task_is_submitted(
    deployed: Instance, client: httpx.Client
) -> None:
    viewer = await _viewer(deployed)
    assert await viewer.sees("event: ready")
    arrivals = []
    for _ in range(5):
        task_id = _submit(client)
        answered = time.monotonic()
        assert await viewer.sees(task_id), "nothing arrived while the stream lived"
        arrivals.append((time.monotonic() - answered) * 1000)
    print(f"\nevent after its submission: {', '.join(f'{ms:.0f}' for ms in arrivals)} ms")
    assert "transfer-encoding: chunked" in viewer.head
    assert "content-encoding" not in viewer.head
    viewer.close()


async def test_the_proof_of_streaming_can_fail(folder: Path, gateway: GatewayProcess, tmp_path: Path) -> None:
    """The same function with a middleware that collects: nothing arrives before the stream's end."""
    careless = tmp_path / "careless"
    shutil.copytree(folder, careless)
    with (careless / "api" / "index.py").open("a", encoding="utf-8") as source:
        source.write(COLLECTING)
    instance = Instance(careless, PYTHON, {**variables(gateway), "EVENTS_STREAM_SECONDS": "3"})
    try:
        viewer = await _viewer(instance)
        assert not await viewer.sees("event: ready", within_s=1)
        assert await viewer.sees("event: ready"), "it comes with the end"
        viewer.close()
    finally:
        instance.stop()


async def test_ten_streams_at_once_see_the_same_event(deployed: Instance, client: httpx.Client) -> None:
    viewers = [await _viewer(deployed) for _ in range(10)]
    assert all(await asyncio.gather(*(viewer.sees("event: ready") for viewer in viewers)))
    task_id = _submit(client)
    began = time.monotonic()
    assert all(await asyncio.gather(*(viewer.sees(task_id) for viewer in viewers)))
    assert client.get("/api/health").status_code == 200, "others are answered meanwhile"
    print(f"\nten streams: all have it after {(time.monotonic() - began) * 1000:.0f} ms")
    for viewer in viewers:
        viewer.close()


async def test_a_stream_that_nobody_reads_any_more_ends(deployed: Instance) -> None:
    """The runtime tells the end of an invocation; until then its time is billed."""

    def is_over() -> bool:
        return any("left-alone" in str(one) for one in deployed.messages if one["type"] == "end")

    names = {"x-vercel-internal-invocation-id": "left-alone", "x-vercel-internal-request-id": "1"}
    viewer = await _viewer(deployed, **names)
    assert await viewer.sees("event: ready")
    assert not is_over()
    viewer.close()
    await wait_until(is_over, describe="the invocation's end is told")
