"""Redis Cluster: slots that move, masters that fail, calls that name several shards; real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import pytest

from shared.errors import SettingsError, StoreError, StoreRefused, StoreUnavailable
from shared.queue import QueueOptions, TaskQueue
from shared.settings import Settings, TcpTarget, redis_target
from shared.transports import open_transport
from shared.transports.cluster import ClusterTransport, _keys_of, _tag_of
from shared.transports.tcp import TcpTransport
from tests.support.cluster import NODE_TIMEOUT_MS, Cluster
from tests.support.factories import task
from tests.support.queues import NAMESPACE, SHARDS
from tests.support.server import Server
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

#: one in each shard; the first three masters have the slots of shards 3, 1 and 2, 0
QUEUES = ("q0", "q4", "q1", "q5")
#: a failover: the node is silent for its timeout, the others agree, an election; on a busy machine
FAILOVER_S = NODE_TIMEOUT_MS / 1000 + 18


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """Three masters, the first with a replica; for tests that change it."""
    running = Cluster(replicas=1)
    yield running
    running.stop()


@pytest.fixture
async def engine(own_cluster: Cluster) -> AsyncIterator[TaskQueue]:
    transport = ClusterTransport(TcpTarget(own_cluster.url, is_cluster=True))
    yield TaskQueue(transport, QueueOptions(namespace=NAMESPACE, shards=SHARDS))
    await transport.close()


def test_a_cluster_is_named_by_its_url_or_by_a_variable(monkeypatch):
    for url, is_cluster, target in (
        ("redis://a:1", False, TcpTarget("redis://a:1")),
        ("redis+cluster://a:1", False, TcpTarget("redis://a:1", is_cluster=True)),
        ("rediss+cluster://u:p@a:1/0", False, TcpTarget("rediss://u:p@a:1/0", is_cluster=True)),
        ("redis://a:1", True, TcpTarget("redis://a:1", is_cluster=True)),
        (
            "redis+cluster://u:p@a:1,b, [::1]:3",
            False,
            TcpTarget("redis://u:p@a:1", is_cluster=True, seeds=(("b", 6379), ("::1", 3))),
        ),
    ):
        assert redis_target(Settings.read(redis_url=url, redis_cluster=is_cluster)) == target
    assert isinstance(open_transport(TcpTarget("redis://a:1", is_cluster=True)), ClusterTransport)
    assert type(open_transport(TcpTarget("redis://a:1"))) is TcpTransport
    with pytest.raises(SettingsError, match="REDIS_URL: names a database; a cluster has only number 0"):
        redis_target(Settings.read(redis_url="redis+cluster://a:1/3"))
    with pytest.raises(
        SettingsError, match=r"REDIS_URL: is no redis or rediss URL .* redis\+cluster://node-1"
    ):
        redis_target(Settings.read(redis_url="redis+cluster://a:1,,b:2"))


@pytest.mark.parametrize(
    "keys",
    [("{a:0}:queues", "{a:1}:queues"), ("{a:0}:queues", "{a:0x}:queues"), ("queues",), ()],
)
def test_keys_of_several_shards_in_one_call_are_a_defect(keys):
    with pytest.raises(StoreError, match="names keys of several shards"):
        _tag_of(keys)


def test_the_shard_of_a_plain_command_is_that_of_its_keys():
    assert _keys_of(("MGET", "{a:0}:t:1", "{a:0}:t:2")) == ("{a:0}:t:1", "{a:0}:t:2")
    assert _keys_of(("ZRANGE", "{a:0}:groups", "[x", "(y", "BYLEX")) == ("{a:0}:groups",)
    assert _tag_of(("{a:0}:t:1", "{a:0}:t:2")) == "{a:0}"


async def test_a_server_that_is_no_cluster_is_refused_with_a_sentence(server):
    transport = ClusterTransport(TcpTarget(server.url, is_cluster=True))
    with pytest.raises(StoreRefused, match="is no cluster: unset REDIS_CLUSTER"):
        await TaskQueue(transport).ping()
    await transport.close()


async def test_nobody_there_is_unavailable_soon():
    own = Server()
    own.kill()
    transport = ClusterTransport(TcpTarget(own.url, is_cluster=True))
    started = monotonic()
    for call in (TaskQueue(transport).ping, TaskQueue(transport).overview):
        with pytest.raises(StoreUnavailable, match="cluster cannot serve now"):
            await call()
    assert monotonic() - started < 5
    await transport.close()
    own.stop()


@pytest.mark.cluster
async def test_a_client_of_one_server_is_told_that_this_is_a_cluster(cluster):
    transport = TcpTransport(TcpTarget(cluster.url))
    queue = TaskQueue(transport, QueueOptions(namespace=NAMESPACE, shards=SHARDS))
    with pytest.raises(StoreRefused, match=r"is one node of a cluster: .* Set REDIS_CLUSTER=1"):
        await queue.overview()
    await transport.close()


@pytest.mark.cluster
async def test_a_burst_of_hundreds_of_calls_is_served(engine):
    await asyncio.gather(*(engine.submit([task(queue=QUEUES[n % SHARDS])]) for n in range(600)))
    assert (await engine.overview()).counts["pending"] == 600


async def _submits_until(engine: TaskQueue, queue: str, stop: asyncio.Event) -> list[str]:
    """Ids of what was acknowledged; an error is repeated with the same key, as a client does."""
    ids = []
    number = 0
    while not stop.is_set():
        item = task({"n": number}, queue=queue, idempotency_key=f"{queue}-{number}")
        try:
            ids += [one.id for one in await engine.submit([item])]
        except StoreError:
            await asyncio.sleep(0.02)
        else:
            number += 1
    return ids


@pytest.mark.cluster
async def test_a_shard_that_moves_is_followed_and_nothing_is_lost(engine, own_cluster):
    """By the server's own atomic migration, while tasks come."""
    tag, target = "{test:1}", 2
    cursor = (await engine.transport.command("XREVRANGE", "{test:1}:wakes", "+", "-", "COUNT", "1")) or "0-0"
    waiting = asyncio.create_task(engine.wait(cursor, 30_000, shard=1))
    stop = asyncio.Event()
    submitting = asyncio.create_task(_submits_until(engine, "q4", stop))
    await waiting  # woken by the first
    waiting = asyncio.create_task(engine.wait("999999999999999-0", 30_000, shard=1))

    def waits() -> bool:
        return "xread" in str(own_cluster.clients[own_cluster.master_of(tag)].client_list())

    await wait_until(waits, describe="a wait blocks on the old node")
    own_cluster.move(tag, target)
    with pytest.raises(StoreUnavailable, match=r"the shard has moved|does not answer"):
        await waiting
    count = len(await engine.transport.command("HGETALL", "{test:1}:queues"))
    assert count
    stop.set()
    ids = await submitting
    assert own_cluster.owner_of(tag) == own_cluster.nodes[target].port
    assert (await engine.overview()).counts["pending"] == len(set(ids)) > 0
    entries = await engine.wait("0-0", 1000, shard=1)
    assert entries, "a wait finds the new node"


@pytest.mark.cluster
async def test_a_master_that_dies_stops_only_its_shard_and_its_replica_takes_over(engine, own_cluster):
    for name in QUEUES:
        await engine.submit([task(queue=name)])
    own_cluster.nodes[0].kill()
    started = monotonic()
    for name in QUEUES[:3]:
        await engine.submit([task(queue=name)])
    assert monotonic() - started < 10, "the other shards were served meanwhile"

    async def is_served() -> bool:
        try:
            await engine.submit([task({"after": True}, queue="q5", idempotency_key="after")])
        except StoreUnavailable:
            return False
        return True

    await wait_until(is_served, describe="its replica takes over", timeout_s=FAILOVER_S, pause_s=0.1)
    assert own_cluster.owner_of("{test:3}") == own_cluster.nodes[3].port
    await engine.ping()
    assert await engine.wait("0-0", 1000, shard=3)


@pytest.mark.cluster
async def test_a_worker_goes_on_after_a_failover_and_meanwhile_in_the_other_shards(engine, own_cluster):
    worker = WorkerProcess(
        own_cluster.url.replace("redis://", "redis+cluster://"), "--queues", ",".join(QUEUES),
        DTQ_SHARDS=str(SHARDS), DTQ_NAMESPACE=NAMESPACE, LEASE_SECONDS="2",
    )  # fmt: skip
    try:
        await worker.ready()

        async def completed(count: int) -> None:
            async def look() -> bool:
                parts = await asyncio.gather(
                    *(engine.transport.command("HGET", f"{{test:{n}}}:queues", "*:C") for n in range(SHARDS)),
                    return_exceptions=True,
                )
                return sum(int(part or 0) for part in parts if not isinstance(part, Exception)) >= count

            await wait_until(look, describe=f"{count} are completed", timeout_s=FAILOVER_S, pause_s=0.05)

        for name in QUEUES:
            await engine.submit([task(queue=name)])
        await completed(4)
        await asyncio.to_thread(own_cluster.replicated)
        own_cluster.nodes[0].kill()
        for name in QUEUES[:3]:
            await engine.submit([task(queue=name)])
        await completed(6)

        async def is_served() -> bool:
            try:
                await engine.submit([task({"after": True}, queue="q5", idempotency_key="after")])
            except StoreUnavailable:
                return False
            return True

        await wait_until(is_served, describe="its replica takes over", timeout_s=FAILOVER_S, pause_s=0.1)
        await completed(8)
        assert worker.process.poll() is None
    finally:
        print(worker.lines)
        worker.stop()
