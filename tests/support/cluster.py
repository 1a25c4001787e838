"""A Redis Cluster of real servers on this machine: three masters, and a replica where a test asks for one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import redis
from redis.crc import key_slot

from tests.support.server import Server, free_node_port

SLOTS = 16384
MASTERS = 3
#: A node that is silent for so long has failed; the shortest that a busy machine does not fake.
NODE_TIMEOUT_MS = 2000


class Cluster:
    """Three masters with a third of the slots each; a tag such as {test:1} lives on one of them.

    Args:
        options: more command line options of every node.
        replicas: of the first masters, one each.
    """

    def __init__(self, *options: str, replicas: int = 0) -> None:
        kept = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS))
        # What the loss of one master does to others is ours to say, not the cluster's.
        kept += ("--cluster-require-full-coverage", "no", *options)
        self.nodes = [Server(*kept, port=free_node_port()) for _ in range(MASTERS + replicas)]
        self.clients = [node.client() for node in self.nodes]
        try:
            self._join()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Any node will do."""
        return self.nodes[0].url

    def _join(self) -> None:
        for number, client in enumerate(self.clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < MASTERS:
                first, last = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS - 1
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        _until(lambda: all(self._knows_all(client) for client in self.clients), "all nodes know each other")
        for number, client in enumerate(self.clients[MASTERS:]):
            client.execute_command("CLUSTER", "REPLICATE", self.id_of(number))
        _until(lambda: all(self._is_well(client) for client in self.clients), "the cluster is well")

    def _knows_all(self, client: redis.Redis) -> bool:
        lines = client.execute_command("CLUSTER NODES")
        return len(lines) == len(self.nodes) and all(node["connected"] for node in lines.values())

    def _is_well(self, client: redis.Redis) -> bool:
        state = client.execute_command("CLUSTER INFO")
        is_linked = client.info("replication").get("master_link_status", "up") == "up"
        return state["cluster_state"] == "ok" and int(state["cluster_slots_assigned"]) == SLOTS and is_linked

    def id_of(self, number: int) -> str:
        """The id by which the cluster knows a node."""
        return str(self.clients[number].execute_command("CLUSTER MYID"))

    def master_of(self, tag: str) -> int:
        """Number of the node that has the slot of a tag, such as {test:1}."""
        return key_slot(tag.encode()) * MASTERS // SLOTS

    def owner_of(self, tag: str) -> int:
        """The port that serves the slot of a tag now, as the nodes say."""
        slot = key_slot(tag.encode())
        for number, client in enumerate(self.clients):
            if self.nodes[number].process.poll() is None and client.info("replication")["role"] == "master":
                for first, last, master, *_ in client.execute_command("CLUSTER SLOTS"):
                    if first <= slot <= last:
                        return int(master[1])
        raise LookupError(f"no node serves {tag}")

    def move(self, tag: str, target: int) -> None:
        """Move the slot of a tag to another node, as a whole and while it is in use."""
        slot = key_slot(tag.encode())
        source = self.clients[self.master_of(tag)]
        words = ("CLUSTER MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", self.id_of(target))
        source.execute_command(*words)
        _until(lambda: self.owner_of(tag) == self.nodes[target].port, f"{tag} has moved")

    def replicated(self) -> None:
        """Until the replicas have what their masters have."""
        for client in self.clients[:MASTERS]:
            if client.info("replication")["connected_slaves"]:
                client.execute_command("WAIT", 1, 5000)

    def store(self) -> redis.RedisCluster:
        """A client to look at what is stored, over all nodes."""
        return redis.RedisCluster.from_url(self.url, decode_responses=True, protocol=2)

    def every(self, *words: Any) -> None:
        """Say it to every master."""
        for client in self.clients:
            if client.info("replication")["role"] == "master":
                client.execute_command(*words)

    def stop(self) -> None:
        """End all nodes."""
        for client in self.clients:
            client.close()
        for node in self.nodes:
            node.stop()


class ShardView:
    """A cluster's store in which {test:0} stands for the shard of a test, so that it need not know which.

    Args:
        client: of the cluster.
        shard: its number.
    """

    def __init__(self, client: redis.RedisCluster, shard: int) -> None:
        self._client = client
        self._tag = f"{{test:{shard}}}"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def ask(*args: Any, **named: Any) -> Any:
            return method(*map(self._there, args), **named)

        return ask

    def _there(self, word: Any) -> Any:
        if isinstance(word, list):
            return [self._there(one) for one in word]
        return word.replace("{test:0}", self._tag) if isinstance(word, str) else word

    def scan_iter(self, *args: Any, **named: Any) -> Iterator[str]:
        """All keys, told as the test names them."""
        for key in self._client.scan_iter(*map(self._there, args), **named):
            yield key.replace(self._tag, "{test:0}")

    def config_set(self, name: str, value: str) -> None:
        """Of every node."""
        self._client.config_set(name, value, target_nodes=redis.RedisCluster.PRIMARIES)

    def execute_command(self, *words: str) -> str:
        """The connections of all nodes, as one server lists its own."""
        assert words == ("CLIENT", "LIST")
        nodes = self._client.execute_command("CLIENT LIST", target_nodes=redis.RedisCluster.PRIMARIES)
        clients = [client for clients in nodes.values() for client in clients]
        return "\n".join(" ".join(f"{k}={v}" for k, v in client.items()) for client in clients)


def _until(look: Callable[[], bool], describe: str, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not look():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {timeout_s} s: {describe}")
        time.sleep(0.02)
