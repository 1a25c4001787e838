"""A chaos run on a Redis Cluster: three masters behind proxies, four shards, slots that move."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from time import monotonic

import redis
import redis.asyncio as aioredis
from redis.crc import key_slot
from redis.exceptions import RedisError

from local import embedded
from shared.queue import QueueOptions, TaskQueue
from shared.settings import Settings, redis_target
from shared.transports.cluster import ClusterTransport
from tests.chaos.deployment import WorkerSlot
from tests.chaos.faults import Fault, Faults
from tests.chaos.proxy import Proxy
from tests.chaos.run import Run
from tests.support.cluster import MASTERS, NODE_TIMEOUT_MS, SLOTS
from tests.support.invariants import ANY_PREFIX, disorder, leaks
from tests.support.queues import NAMESPACE, SHARDS
from tests.support.server import BUS, free_node_port
from tests.support.waiting import wait_until

CLUSTER_KINDS = ("kill", "stop", "proxy", "redis", "flush", "move")
#: one in each of four shards, which live on three nodes
CLUSTER_QUEUES = ("q0", "q4", "q1", "q5")


def slot_of(shard: int) -> int:
    """Where the keys of a shard are."""
    return int(key_slot(f"{{{NAMESPACE}:{shard}}}".encode()))


class Node:
    """A master that comes back with what its append-only file holds; clients reach it through its proxy."""

    def __init__(self, folder: Path, appendfsync: str) -> None:
        self.port = free_node_port()
        self.folder = folder
        self.folder.mkdir()
        self.proxy = Proxy(self.port)
        self._appendfsync = appendfsync
        self.process: subprocess.Popen[bytes] | None = None
        self.client = aioredis.Redis(
            port=self.port, decode_responses=True, protocol=2, socket_timeout=5, retry=None
        )

    async def start(self) -> None:
        command = [str(embedded.program()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(self.folder), "--loglevel", "warning", "--appendonly", "yes"]
        command += ["--appendfsync", self._appendfsync, "--cluster-enabled", "yes"]
        command += ["--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--cluster-require-full-coverage", "no"]
        # Nodes speak to each other straight, clients are sent to the proxy.
        command += ["--cluster-announce-port", str(self.proxy.port)]
        command += ["--cluster-announce-bus-port", str(self.port + BUS)]
        self.process = subprocess.Popen(
            command, env={**os.environ, **embedded.ENVIRONMENT}, stdout=subprocess.DEVNULL
        )
        await wait_until(self._answers, describe="a node answers", timeout_s=30, pause_s=0.02)

    async def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"valkey-server ended with {self.process.returncode}")
        try:
            return bool(await self.client.ping())
        except (RedisError, OSError):
            return False

    async def end(self, number: int) -> None:
        process = self.process
        assert process is not None
        process.send_signal(number)
        await wait_until(lambda: process.poll() is not None, describe="a node ends", timeout_s=30)

    async def close(self) -> None:
        await self.client.aclose()
        await self.proxy.stop()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class ClusterStore:
    """The nodes, and clients that reach them without the proxies."""

    def __init__(self, folder: Path, appendfsync: str) -> None:
        self.nodes = [Node(folder / f"node-{number}", appendfsync) for number in range(MASTERS)]
        self.client: aioredis.RedisCluster

    @property
    def url(self) -> str:
        """As workers and producers are told: by all nodes."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.proxy.port}" for node in self.nodes)

    def _straight(self, address: tuple[str, int]) -> tuple[str, int]:
        by_proxy = {node.proxy.port: node.port for node in self.nodes}
        return address[0], by_proxy.get(int(address[1]), int(address[1]))

    def options(self) -> dict[str, object]:
        return {
            "host": "127.0.0.1",
            "port": self.nodes[0].port,
            "address_remap": self._straight,
            "decode_responses": True,
            "protocol": 2,
            "require_full_coverage": False,
        }

    async def start(self) -> None:
        for node in self.nodes:
            await node.proxy.start()
            await node.start()
        for number, node in enumerate(self.nodes):
            first, last = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS - 1
            await node.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            await node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            bus = self.nodes[0].port + BUS
            await node.client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].proxy.port, bus)
        await self.well()
        self.client = aioredis.RedisCluster(**self.options())  # type: ignore[arg-type]  # one dict for both kinds

    async def well(self) -> None:
        """Until every node says that the cluster serves all slots."""

        async def is_well() -> bool:
            with suppress(RedisError, OSError):
                infos = [await node.client.execute_command("CLUSTER INFO") for node in self.nodes]
                return all(
                    info["cluster_state"] == "ok"
                    and int(info["cluster_slots_ok"]) == SLOTS
                    and int(info["cluster_known_nodes"]) == MASTERS
                    for info in infos
                )
            return False

        await wait_until(is_well, describe="the cluster is well", timeout_s=30, pause_s=0.05)

    async def owner_of(self, slot: int) -> int:
        """The node that says of itself that it has a slot."""
        for number, node in enumerate(self.nodes):
            mine = await node.client.execute_command("CLUSTER MYID")
            for first, last, master, *_ in await node.client.execute_command("CLUSTER SLOTS"):
                if first <= slot <= last and master[2] == mine:
                    return number
        raise LookupError(f"no node has slot {slot}")

    def is_anything_stored(self) -> list[str]:
        """What is wrong with what is stored, over all shards."""
        with redis.RedisCluster(**self.options()) as client:  # type: ignore[arg-type]  # as above
            return disorder(client) + leaks(client)

    async def close(self) -> None:
        await self.client.aclose()
        for node in self.nodes:
            await node.close()


class _Front(Proxy):
    """Stands for all proxies where a run expects one."""

    def __init__(self, store: ClusterStore) -> None:
        super().__init__(0)
        self._store = store

    @property
    def url(self) -> str:
        return self._store.url

    async def stop(self) -> None:
        """Nothing of its own is open."""


class ClusterFaults(Faults):
    """What goes wrong hits one node, or the proxy before it."""

    nodes: list[Node]
    cluster: ClusterStore

    async def _put_right(self) -> None:
        for node in self.nodes:
            node.proxy.heal()
        await self.cluster.well()
        for slot in self.slots:
            if not slot.is_alive:
                slot.start()

    async def _proxy(self, fault: Fault) -> None:
        self.producer = self.nodes[fault.target % MASTERS].proxy
        await super()._proxy(fault._replace(target=len(self.slots)))

    async def _redis(self, fault: Fault) -> None:
        if self._store_is_ending.locked():
            return
        async with self._store_is_ending:
            self.counts[f"redis {fault.how}"] += 1
            node = self.nodes[fault.target % MASTERS]
            if fault.how == "SIGKILL":
                self.store_kills.append(monotonic())
            await node.end(signal.Signals[fault.how])
            await asyncio.sleep(fault.seconds)
            await node.start()

    async def _flush(self, fault: Fault) -> None:
        node = self.nodes[fault.target % MASTERS]
        with suppress(RedisError, OSError):
            await node.client.script_flush()
            self.counts["flush"] += 1

    async def _move(self, fault: Fault) -> None:
        """The slot of a shard goes to another node, as a whole, by the server's own migration."""
        shard = fault.target % SHARDS
        slot = slot_of(shard)
        with suppress(RedisError, OSError, LookupError):
            source = await self.cluster.owner_of(slot)
            target = (source + 1 + int(fault.seconds * 10) % (MASTERS - 1)) % MASTERS
            where = await self.nodes[target].client.execute_command("CLUSTER MYID")
            await self.nodes[source].client.execute_command(
                "CLUSTER MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", where
            )
            self.counts["move"] += 1


class ClusterRun(Run):
    """As `Run`; the workers share the proxies, one before each node."""

    queues = CLUSTER_QUEUES
    shards = SHARDS

    def _new_store(self, folder: Path) -> ClusterStore:  # type: ignore[override]  # what `Run` uses, it has
        return ClusterStore(folder, self.options.appendfsync)

    @property
    def proxies(self) -> list[Proxy]:
        return [node.proxy for node in self.store.nodes]

    async def _start_workers(self) -> None:
        draw = random.Random(self.options.seed)
        for number in range(self.options.workers):
            arguments = ["--queues", ",".join(draw.sample(self.queues, len(self.queues)))]
            arguments += ["--handlers", "tests.chaos.handlers"]
            if number % 2 == 0:
                arguments += ["--handlers", "tests.chaos.handlers_of_next_version"]
            front = _Front(self.store)
            self.slots.append(WorkerSlot(number, front, self.effects, arguments, DTQ_SHARDS=str(SHARDS)))
            self.slots[-1].start()
        for slot in self.slots:
            await slot.ready()

    async def _producer(self) -> Proxy:
        return _Front(self.store)

    def _open_queue(self, proxy: Proxy | None = None, **options: float) -> TaskQueue:
        target = redis_target(Settings.read(redis_url=self.store.url))
        return TaskQueue(
            ClusterTransport(target, **options), QueueOptions(namespace=NAMESPACE, shards=SHARDS)
        )

    def _new_faults(self, producer: Proxy) -> Faults:
        faults = ClusterFaults(self.store, self.slots, producer)
        faults.nodes, faults.cluster = self.store.nodes, self.store
        return faults

    async def _cut_once_more(self) -> None:
        """The worst moment for a lost reply: it would have told from where to wait, and until when."""
        owners = {await self.store.owner_of(slot_of(shard)) for shard in range(SHARDS)}
        proxies = [self.store.nodes[number].proxy for number in owners]
        for proxy in proxies:
            proxy.replies_to_drop = len(self.slots)
            proxy.cut()
        await wait_until(
            lambda: not any(proxy.replies_to_drop for proxy in proxies),
            describe="workers lost replies after they had connected again",
        )

    async def _records(self) -> dict[str, str]:
        found: dict[str, str] = {}
        async for key in self.store.client.scan_iter("*:t:*", count=10_000):
            prefix = ANY_PREFIX.match(key)
            if prefix:
                found[key[prefix.end() + 2 :]] = await self.store.client.get(key)
        return found

    def _disorder(self) -> list[str]:
        return self.store.is_anything_stored()
