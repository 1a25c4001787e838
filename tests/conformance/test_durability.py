"""Strict durability: a submission is answered when the server's disk has it, or told that it may not have it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from shared.errors import NotDurable, StoreFull
from shared.queue import QueueOptions, TaskQueue
from shared.settings import RestTarget, Settings, TcpTarget
from shared.transports.cluster import ClusterTransport
from shared.transports.rest import RestTransport
from shared.transports.tcp import TcpTransport
from tests.support.cluster import Cluster
from tests.support.factories import task, tasks
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.queues import SHARDS
from tests.support.server import Server


@pytest.fixture(scope="module")
def disk() -> Iterator[Server]:
    """A server that keeps an append-only file."""
    running = Server("--appendonly", "yes", "--appendfsync", "always")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def disk_gateway(disk: Server) -> Iterator[GatewayProcess]:
    running = GatewayProcess(disk.url)
    yield running
    running.stop()


@pytest.fixture
def settings_of(disk: Server) -> Iterator[redis.Redis]:
    """A plain connection; what a test sets there is taken back after it."""
    client = redis.Redis.from_url(disk.url, decode_responses=True)
    client.flushall()
    yield client
    client.config_set("appendonly", "yes")
    client.config_set("appendfsync", "always")
    client.config_set("maxmemory", "0")
    client.close()


@pytest.fixture(params=["tcp", "rest"])
async def queue(
    request: pytest.FixtureRequest, disk: Server, disk_gateway: GatewayProcess, settings_of: redis.Redis
) -> AsyncIterator[TaskQueue]:
    transport = (
        TcpTransport(TcpTarget(disk.url))
        if request.param == "tcp"
        else RestTransport(RestTarget(disk_gateway.url, TOKEN))
    )
    yield TaskQueue(transport, QueueOptions(namespace="test", is_durable=True))
    await transport.close()


@pytest.mark.parametrize("policy", ["always", "everysec"])
async def test_what_was_answered_outlasts_a_kill(
    queue: TaskQueue, disk: Server, settings_of: redis.Redis, policy: str
) -> None:
    settings_of.config_set("appendfsync", policy)
    ids = [(await queue.submit([task()]))[0].id for _ in range(3)]
    ids += [item.id for item in await queue.submit(tasks(200))]
    disk.kill()
    disk.start()
    assert settings_of.exists(*(f"{{test:0}}:t:{task_id}" for task_id in ids)) == len(ids)


async def test_a_disk_that_says_nothing_is_told_and_a_repeat_is_safe(
    queue: TaskQueue, settings_of: redis.Redis
) -> None:
    settings_of.config_set("appendfsync", "no")
    with pytest.raises(NotDurable, match="may be stored") as told:
        await queue.submit([task(idempotency_key="k")])
    assert told.value.status == 503
    assert "same idempotency key" in told.value.detail
    # A repeat writes no task, and may not take the silence about the first call for an answer.
    with pytest.raises(NotDurable):
        await queue.submit([task(idempotency_key="k")])
    settings_of.config_set("appendfsync", "always")
    [item] = await queue.submit([task(idempotency_key="k")])
    assert list(settings_of.scan_iter("*:t:*")) == [f"{{test:0}}:t:{item.id}"]


async def test_a_server_without_a_file_cannot_promise_it(queue: TaskQueue, settings_of: redis.Redis) -> None:
    settings_of.config_set("appendonly", "no")
    with pytest.raises(NotDurable, match="appendonly is disabled"):
        await queue.submit([task()])


async def test_a_server_that_does_not_know_how_to_tell(
    queue: TaskQueue, settings_of: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = [["SET", "{test:0}:durable", "1"], ["WAITAOFX", "1", "0", "1"]]
    for module in ("tcp", "rest"):
        monkeypatch.setattr(f"shared.transports.{module}.persisting", lambda *_: ask)
    with pytest.raises(NotDurable, match=r"(?i)unknown command"):
        await queue.submit([task()])


async def test_what_is_refused_is_told_as_ever(queue: TaskQueue, settings_of: redis.Redis) -> None:
    settings_of.config_set("maxmemory", "1")
    with pytest.raises(StoreFull):
        await queue.submit([task()])


async def test_it_costs_two_calls(queue: TaskQueue, settings_of: redis.Redis) -> None:
    await queue.submit([task()])
    settings_of.config_resetstat()
    before = queue.calls
    await queue.submit([task()])
    stats = settings_of.info("commandstats")
    counted = {name[8:]: one["calls"] for name, one in stats.items() if "config" not in name}
    assert sum(counted.values()) == queue.calls - before
    assert (counted["set"], counted["waitaof"]) == (1, 1)


@pytest.mark.cluster
async def test_a_cluster_is_asked_at_the_node_of_the_shard(cluster: Cluster, store: redis.Redis) -> None:
    transport = ClusterTransport(TcpTarget(cluster.url, is_cluster=True))
    queue = TaskQueue(transport, QueueOptions(namespace="test", shards=SHARDS, is_durable=True))
    for n in range(8):
        with pytest.raises(NotDurable, match="appendonly is disabled"):
            await queue.submit([task(queue=f"q{n}")])
    await transport.close()
    store.flushall()  # the guards look at one shard


def test_the_setting() -> None:
    assert QueueOptions.of(Settings(durability="strict")).is_durable
    assert not QueueOptions.of(Settings()).is_durable
