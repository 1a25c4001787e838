"""A Redis Cluster over TCP: each shard on the node that has its slot, which may change at any time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Sequence

import redis.asyncio as redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import ScriptFailed, StoreUnavailable
from shared.keys import MAX_SHARDS
from shared.scripts import Script
from shared.settings import TcpTarget
from shared.transports.base import DEADLINE_S, Reply
from shared.transports.tcp import (
    MAX_CONNECTIONS,
    MAX_WAIT_S,
    WAIT_MARGIN_S,
    TcpTransport,
    connection_options,
    packed_by_hiredis,
    pipelined,
    pooled_client,
    translated,
)

#: Plain commands that name no key.
_OF_A_NODE = frozenset({"INFO", "TIME", "CONFIG", "ACL"})
#: Nodes that some client of this process has found, by URL: the one it names may be gone when the next begins.
_seen: dict[str, list[tuple[str, int]]] = {}


class ClusterTransport(TcpTransport):
    """Calls go through redis-py's cluster client, which follows MOVED and ASK and learns of failovers.

    It refuses a call when all connections to a node are in use, so calls queue here, shard by shard: one
    that hangs holds up no other. A wait goes to the node of its stream on a plain connection: the cluster
    client looks for its nodes with the timeout of its calls, which for waits is longer than a minute.

    Args:
        target: any node.
        attempts: tries of a call that met a lost connection; a worker repeats by itself and asks for 1.
        socket_timeout_s: how long one try may take.
    """

    def __init__(self, target: TcpTarget, *, attempts: int = 2, socket_timeout_s: float = 2.0) -> None:
        super().__init__(target, attempts=attempts, socket_timeout_s=socket_timeout_s)
        self._address = parse_url(target.url)
        self._cluster = _cluster_client(target, socket_timeout_s)
        self._is_fresh = False
        self._failed_node: str | None = None
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MAX_CONNECTIONS)
        )
        self._waiting: dict[tuple[str, int], redis.Redis] = {}

    async def command(self, *words: str) -> Reply:
        """Run one plain command; see `Transport.command`. PING asks every node that has slots."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                if words == ("PING",):
                    return await self._uncancelled(self._ping())
                return await super().command(*words)
        except TimeoutError:
            raise StoreUnavailable(f"The cluster did not answer within {DEADLINE_S} s.") from None

    async def _call(self, _: redis.Redis, script: Script | None, *words: str) -> Reply:
        if script is None and words[0] in _OF_A_NODE:
            return await self._uncancelled(self._ask_a_node(words))
        if script is None and words[0] == "SCAN":
            return await self._uncancelled(self._scan(words))
        tag = _tag_of(words[3 : 3 + int(words[2])] if script else _keys_of(words))
        return await self._uncancelled(self._in_turn(tag, script, words))

    async def _in_turn(self, tag: str, script: Script | None, words: tuple[str, ...]) -> Reply:
        async with self._turns[tag]:
            await self._know_nodes()
            return await translated(self._noting_failures(words), script)

    async def _ask_a_node(self, words: tuple[str, ...]) -> Reply:
        """What is said of a server, by one of them."""
        await self._know_nodes()
        return await translated(self._cluster.get_default_node().execute_command(*words))

    async def _scan(self, words: tuple[str, ...]) -> Reply:
        """The keys of one shard, whose tag the pattern begins with: by the node that has it."""
        await self._know_nodes()
        tag = words[words.index("MATCH") + 1].replace("\\", "")
        node = await translated(self._node_of(tag))
        return await translated(node.execute_command(*words))

    async def _know_nodes(self) -> None:
        """Ask for the nodes at first and after a failure: a client that knows none sends to any of them."""
        await translated(self._cluster.initialize(last_failed_node_name=self._failed_node))
        if not self._is_fresh:
            self._is_fresh, self._failed_node = True, None
            _seen[self._url] = [(node.host, int(node.port)) for node in self._cluster.get_nodes()]

    async def _noting_failures(self, words: tuple[str, ...]) -> Reply:
        try:
            return await self._cluster.execute_command(*words)
        except (RedisConnectionError, RedisTimeoutError) as error:
            # Who does not answer is asked last for the nodes.
            self._is_fresh, self._failed_node = False, getattr(error, "last_failed_node_name", None)
            raise

    async def _ping(self) -> Reply:
        await self._know_nodes()
        nodes = self._cluster.get_primaries()
        replies = await translated(asyncio.gather(*(node.execute_command("PING") for node in nodes)))
        return next((reply for reply in replies if reply not in (True, "PONG")), "PONG")

    async def _wait_by(self, stream: str, words: tuple[str, ...]) -> Reply:
        return await self._uncancelled(self._wait_at_its_node(stream, words))

    async def _wait_at_its_node(self, stream: str, words: tuple[str, ...]) -> Reply:
        client = await self._plain_client_of(stream)
        wait = client.execute_command(*words)  # type: ignore[no-untyped-call]  # untyped in redis-py
        return await translated(_followed(wait))

    async def _pipelined_by(self, key: str, commands: Sequence[Sequence[str]]) -> Reply:
        return await pipelined(await self._plain_client_of(key), commands)

    async def _plain_client_of(self, key: str) -> redis.Redis:
        """A client that speaks to the node of a key, and to no other."""
        await self._know_nodes()
        node = await translated(self._node_of(key))
        address = (node.host, int(node.port))
        client = self._waiting.get(address)
        if client is None:
            named = {**self._address, "host": node.host, "port": node.port}
            client = self._waiting[address] = pooled_client(named, MAX_WAIT_S + WAIT_MARGIN_S)
        return client

    async def _node_of(self, stream: str) -> ClusterNode:
        node = self._cluster.get_node_from_key(stream)
        if node is None:
            raise RedisConnectionError(f"no node of the cluster has {stream}")
        return node

    async def _disconnect(self) -> None:
        await self._cluster.aclose()
        # It leaves the connections of nodes that it wanted to ask for anew.
        for nodes in ("nodes_cache", "startup_nodes"):
            await self._cluster.nodes_manager.aclose(nodes)
        for client in (self._calls, self._waits, *self._waiting.values()):
            await client.aclose()


async def _followed(call: Awaitable[Reply]) -> Reply:
    """A wait whose stream is on another node now is a connection that was lost: the caller looks first."""
    try:
        return await call
    except AskError as error:
        raise RedisConnectionError(f"the shard has moved: {error}") from None


def _keys_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a plain command: all that follows MGET, else the first word after the name."""
    return words[1:] if words[0] == "MGET" else words[1:2]


def _tag_of(keys: Sequence[str]) -> str:
    """The hash tag that all keys of a call share.

    Raises:
        ScriptFailed: they do not, which is a defect: one node might have them all by chance, today.
    """
    tag = keys[0][: keys[0].find("}") + 1] if keys else ""
    if not tag or not all(key.startswith(tag) for key in keys):
        raise ScriptFailed(f"A call names keys of several shards: {', '.join(keys[:5])}")
    return tag


def _cluster_client(target: TcpTarget, socket_timeout_s: float) -> RedisCluster:
    """redis-py's client without its silent retries; one dead node keeps it from none of the others."""
    places = [*target.seeds, *_seen.get(target.url, ())]
    client = RedisCluster.from_url(
        target.url,
        startup_nodes=[ClusterNode(host, port) for host, port in places],
        max_connections=MAX_SHARDS * MAX_CONNECTIONS,
        reinitialize_steps=0,  # after so many MOVED it would close the connections of all calls under way
        retry=Retry(NoBackoff(), 0),
        require_full_coverage=False,
        **connection_options(socket_timeout_s),
    )
    # It has no parameter for the class of its connections; nodes that it finds later take it from here.
    kind = packed_by_hiredis(client.connection_kwargs["connection_class"])
    client.connection_kwargs["connection_class"] = kind
    for node in client.startup_nodes:
        node.connection_class = kind
    return client
