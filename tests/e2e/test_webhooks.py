"""From a submission over HTTP to a signed request at the receiver, by a real worker."""

from __future__ import annotations

from standardwebhooks.webhooks import Webhook

from shared.client import AsyncClient
from tests.client.conftest import http_api  # noqa: F401  # a fixture
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess
from tests.worker_host.handlers.test_webhook import SECRET, receiver  # noqa: F401  # a fixture


async def test_endings_reach_the_receiver_signed(http_api, server, receiver):  # noqa: F811
    worker = await WorkerProcess(server.url, DTQ_NAMESPACE="test").ready()
    try:
        async with AsyncClient(http_api.url) as client:
            done = await client.submit("echo", {"n": 1}, callback_url=receiver.url)
            dead = await client.submit("raise", {"kind": "reject"}, callback_url=receiver.url)
            held = await client.submit("noop", {}, callback_url=receiver.url, delay_seconds=3600)
            await client.cancel(held.id)
            await wait_until(lambda: len(receiver.taken) == 3, describe="three webhooks")
            events = [Webhook(SECRET).verify(body, headers) for headers, body in receiver.taken]
            assert {(event["type"], event["data"]["id"]) for event in events} == {
                ("task.completed", done.id),
                ("task.dead", dead.id),
                ("task.cancelled", held.id),
            }
            hooks = [task async for task in client.tasks(task_type="webhook")]
            ended = [await client.wait(hook.id, timeout_s=20) for hook in hooks]
            assert [hook.result for hook in ended] == [{"status": 204}] * 3
            assert {hook.id for hook in hooks} == {headers["webhook-id"] for headers, _ in receiver.taken}
    finally:
        worker.stop()
