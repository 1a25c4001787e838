"""What all tests of the engine share: one server, one gateway, and guards over what each test leaves.

A test that takes `queue` runs over TCP, over REST, and with `-m cluster` on a Redis Cluster. After it the guards look at the
whole store: each task in exactly one place, counts that agree, no unknown key, and no operation
that took more than one command.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from zlib import crc32

import pytest
import redis

from shared.scripts.build import complaint
from tests.support.cluster import Cluster, ShardView
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.invariants import disorder, leaks
from tests.support.queues import SHARDS, WatchedQueue, cluster_queue, rest_queue, tcp_queue
from tests.support.server import Server

MINUTE_MARGIN_S = 1.5

QueueFactory = Callable[..., WatchedQueue]


def pytest_sessionstart(session: pytest.Session) -> None:
    """No test may run with scripts that are older than their sources: it would judge the old ones."""
    stale = "" if hasattr(session.config, "workerinput") else complaint()
    if stale:
        pytest.exit(stale, returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The embedded server; every test that uses `store` finds it empty."""
    running = Server()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def gateway(server: Server) -> Iterator[GatewayProcess]:
    """The REST gateway in front of `server`."""
    running = GatewayProcess(server.url)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def store_client(server: Server) -> Iterator[redis.Redis]:
    """A plain connection to look at what is stored."""
    client = redis.Redis.from_url(server.url, decode_responses=True, protocol=2)
    yield client
    client.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three masters; for tests marked `cluster`."""
    running = Cluster()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cluster_client(cluster: Cluster) -> Iterator[redis.RedisCluster]:
    """A connection to look at what is stored on all nodes."""
    client = cluster.store()
    yield client
    client.close()


def _shard(request: pytest.FixtureRequest) -> int:
    """In which shard of the cluster a test takes place: all have their turn over the whole suite."""
    return (
        0
        if request.node.module.__name__.endswith("test_shards")
        else crc32(request.node.name.encode()) % SHARDS
    )


def _look(request: pytest.FixtureRequest) -> Any:
    """How a test looks at what is stored where it takes place."""
    if "cluster" in request.node.keywords:
        return ShardView(request.getfixturevalue("cluster_client"), _shard(request))
    return request.getfixturevalue("store_client")


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Any:
    """The server or cluster, emptied; its script cache too, so that NOSCRIPT is met in every test."""
    store = _look(request)
    _leave_the_minute()
    store.flushall()
    store.script_flush()
    return store


def _leave_the_minute() -> None:
    """The end of a minute adds two calls to one exchange, which then leaves to the next what it cannot afford: no test
    that counts calls, or expects all in one exchange, may begin right before it."""
    left_s = 60 - time.time() % 60
    if left_s < MINUTE_MARGIN_S:
        time.sleep(left_s)


@pytest.fixture
async def tcp_queues(store: redis.Redis, server: Server) -> AsyncIterator[QueueFactory]:
    """Makes queues over TCP, with options such as `retention_s`; closed after the test."""
    async for factory in _factory(lambda **options: tcp_queue(server.url, **options)):
        yield factory


@pytest.fixture
async def rest_queues(store: redis.Redis, gateway: GatewayProcess) -> AsyncIterator[QueueFactory]:
    """Makes queues over REST."""
    async for factory in _factory(lambda **options: rest_queue(gateway.url, TOKEN, **options)):
        yield factory


@pytest.fixture
async def cluster_queues(
    request: pytest.FixtureRequest, store: Any, cluster: Cluster
) -> AsyncIterator[QueueFactory]:
    """Makes queues over the cluster, whose names all live in the shard of this test, see `PlacedQueue`."""
    async for factory in _factory(lambda **options: cluster_queue(cluster.url, _shard(request), **options)):
        yield factory


ON_CLUSTER = pytest.param("cluster", marks=pytest.mark.cluster)


@pytest.fixture(params=["tcp", "rest", ON_CLUSTER])
def queues(request: pytest.FixtureRequest) -> QueueFactory:
    """Makes queues over the transport of this run of the test."""
    factory: QueueFactory = request.getfixturevalue(f"{request.param}_queues")
    return factory


@pytest.fixture(params=["tcp", ON_CLUSTER])
def waiting_queues(request: pytest.FixtureRequest) -> QueueFactory:
    """Makes queues that can wait for wake-ups."""
    factory: QueueFactory = request.getfixturevalue(f"{request.param}_queues")
    return factory


@pytest.fixture
def queue(queues: QueueFactory) -> WatchedQueue:
    """The engine with its own defaults, over either transport."""
    return queues()


async def _factory(make: QueueFactory) -> AsyncIterator[QueueFactory]:
    made: list[WatchedQueue] = []

    def factory(**options: Any) -> WatchedQueue:
        made.append(make(**options))
        return made[-1]

    yield factory
    for queue in made:
        await queue.transport.close()
    too_many = [line for queue in made for line in queue.too_many]
    assert not too_many, f"one_round_trip: {too_many}"


@pytest.fixture(autouse=True)
def one_place(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each task is in exactly the one place that its status says, and the counts agree."""
    store = _look(request) if "store" in request.fixturenames else None
    yield
    if store is not None and "store_may_be_odd" not in request.keywords:
        wrong = disorder(store)
        assert not wrong, "one_place:\n" + "\n".join(wrong[:20])


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """No key outside the known table."""
    store = _look(request) if "store" in request.fixturenames else None
    yield
    if store is not None:
        found = leaks(store)
        assert not found, "no_leaks:\n" + "\n".join(found[:20])
