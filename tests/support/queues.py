"""A `TaskQueue` that watches itself: each operation must reach Redis in one command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from shared.keys import Keys
from shared.queue import QueueOptions, TaskQueue
from shared.settings import RestTarget, TcpTarget
from shared.transports.cluster import ClusterTransport
from shared.transports.rest import RestTransport
from shared.transports.tcp import TcpTransport

NAMESPACE = "test"
#: of the tests on a cluster: their tags {test:0} to {test:3} live on three nodes
SHARDS = 4
#: operations that are one script or one command; pages of tasks have a price of their own
OPERATIONS = frozenset(
    {
        "submit",
        "exchange",
        "register",
        "settle_shards",
        "renew",
        "leave",
        "cancel",
        "requeue",
        "delete",
        "edit",
        "pause",
        "resume",
        "drain",
        "error_groups",
        "group_ids",
        "tick",
        "begin_job",
        "run_job_slice",
        "get_job",
        "list_jobs",
        "cancel_job",
        "get",
        "overview",
        "explain",
        "status",
        "newest_event",
        "stats",
        "save_spent",
        "limit_queue",
        "limit_keys",
        "limit_key",
        "key_limit",
        "key_limits",
        "task_types",
        "ping",
        "throttle",
        "audit_log",
        "note_action",
        "key_uses",
        "note_key_uses",
    }
)
#: those of them that ask each shard
OVER_SHARDS = frozenset(
    {
        "audit_log",
        "requeue",
        "delete",
        "begin_job",
        "get_job",
        "list_jobs",
        "cancel_job",
        "drain",
        "error_groups",
        "group_ids",
        "tick",
        "overview",
        "newest_event",
        "task_types",
        "ping",
    }
)
_sent: ContextVar[list[tuple[str, ...]] | None] = ContextVar("sent", default=None)


class WatchedTcp(TcpTransport):
    """Notes each command where it leaves."""

    async def _call(self, words: Sequence[str], script: Any) -> Any:
        _note(tuple(words))
        return await super()._call(words, script)


class WatchedCluster(ClusterTransport):
    """Notes each command where it leaves."""

    async def _call(self, words: Sequence[str], script: Any) -> Any:
        _note(tuple(words))
        return await super()._call(words, script)


class WatchedRest(RestTransport):
    """Notes each command where it leaves."""

    async def _execute_once(self, words: list[str], script: Any) -> Any:
        _note(tuple(words))
        return await super()._execute_once(words, script)


def _note(words: tuple[str, ...]) -> None:
    sent = _sent.get()
    if sent is not None:
        sent.append(words)


class WatchedQueue(TaskQueue):
    """Collects operations that took more than one command, a script sent again with its body aside."""

    def __init__(self, transport: Any, options: QueueOptions) -> None:
        super().__init__(transport, options)
        self.too_many: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return self._watch(name, value) if name in OPERATIONS else value

    def _watch(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        async def watched(*args: Any, **named: Any) -> Any:
            sent: list[tuple[str, ...]] = []
            token = _sent.set(sent)
            try:
                return await operation(*args, **named)
            finally:
                _sent.reset(token)
                first = [words for words in sent if words[0] != "EVAL"]
                most = len(self.shards) if name in OVER_SHARDS else 1
                if len(first) > most or len(sent) > len(first) + most:
                    self.too_many.append(f"{name}: {[words[:2] for words in sent]}")

        return watched


class PlacedQueue(WatchedQueue):
    """A namespace of one shard under the tag of another: what holds for one must hold on every node.

    Args:
        transport: to the cluster.
        options: of one shard.
        shard: whose tag it has.
    """

    def __init__(self, transport: Any, options: QueueOptions, shard: int) -> None:
        super().__init__(transport, options)
        self.shards = [Keys(NAMESPACE, shard)]
        self.shards[0].shard = 0  # the only one: ids name it so


def cluster_queue(url: str, shard: int, **options: Any) -> WatchedQueue:
    """Over a cluster, under the tag of one of four shards unless the test names a number of shards."""
    transport = WatchedCluster(TcpTarget(url, is_cluster=True))
    if "shards" in options:
        return WatchedQueue(transport, QueueOptions(namespace=NAMESPACE, **options))
    return PlacedQueue(transport, QueueOptions(namespace=NAMESPACE, **options), shard)


def tcp_queue(url: str, **options: Any) -> WatchedQueue:
    """Over TCP."""
    return WatchedQueue(WatchedTcp(TcpTarget(url)), QueueOptions(namespace=NAMESPACE, **options))


def rest_queue(url: str, token: str, **options: Any) -> WatchedQueue:
    """Over REST."""
    return WatchedQueue(WatchedRest(RestTarget(url, token)), QueueOptions(namespace=NAMESPACE, **options))
