"""One chaos run: start everything, let it go wrong, put it right, judge."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import redis

from shared.models import Limit, TaskSubmission
from shared.queue import QueueOptions, TaskQueue
from shared.settings import TcpTarget
from shared.transports.tcp import TcpTransport
from tests.chaos.deployment import LEASE_S, Store, WorkerSlot, gone
from tests.chaos.effects import read_runs
from tests.chaos.faults import Faults, plan
from tests.chaos.judge import History, Verdict, judge, render
from tests.chaos.load import KEY_LIMIT, KINDS, LIMIT_KEYS, QUEUES, Attempted, Load
from tests.chaos.observer import PAUSE_S, Observer, record_key
from tests.chaos.proxy import Proxy
from tests.support.invariants import PREFIX, disorder, leaks
from tests.support.queues import NAMESPACE
from tests.support.waiting import wait_until

#: After the faults have stopped everything must have ended within so many seconds: leases, restarts
#: of workers on a busy machine, and what was queued up meanwhile.
QUIET_S = 45.0
#: A worker that is alone and idle must finish a new task within so many seconds.
ROLL_CALL_S = 2.0
#: Of all tasks of the second queue at once, on all workers together.
QUEUE_LIMIT = 8
#: What is not over by then hangs, seconds: the run ends with a picture of what goes on. Everything in it waits
#: shorter by itself; these are for what nobody thought of.
START_S, FAULTS_S, ROLL_S, JUDGE_S, CLOSE_S = 120.0, 60.0, 120.0, 120.0, 120.0
#: appendfsync everysec: a flush every second, which may be a second late on a busy disk.
UNSYNCED_S = 2.0


@dataclass(frozen=True)
class Options:
    """What a run is told on the command line."""

    seconds: float
    seed: int
    tasks: int
    workers: int
    appendfsync: str
    faults: list[str]
    is_cluster: bool = False
    kinds: Mapping[str, int] = field(default_factory=lambda: KINDS)


@dataclass
class Result:
    """A run that is over."""

    verdict: Verdict
    report: str
    logs: dict[int, str]


class Run:
    """Everything that one run consists of."""

    queues: tuple[str, ...] = QUEUES
    shards = 1

    def __init__(self, options: Options, folder: Path) -> None:
        self.options = options
        self.effects = folder / "effects"
        self.effects.touch()
        self.store = self._new_store(folder)
        self.unmoved: list[str] = []
        self.slots: list[WorkerSlot] = []
        self.facts: dict[str, str] = {}

    def _new_store(self, folder: Path) -> Store:
        return Store(folder, self.options.appendfsync, has_clock="clock" in self.options.faults)

    async def play(self) -> Result:
        async with self._bounded("the store starts", START_S):
            await self.store.start()
        try:
            async with self._bounded("the workers start", START_S):
                await self._start_workers()
            return await self._play()
        finally:
            async with self._bounded("everything is closed", CLOSE_S):
                for slot in self.slots:
                    await slot.close()
                    await slot.proxy.stop()
                await self.store.close()

    @asynccontextmanager
    async def _bounded(self, what: str, seconds: float) -> AsyncIterator[None]:
        """A part of the run that may take so long; an error that says what goes on when it takes longer."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise AssertionError(f"not within {seconds:g} s: {what}\n{self.picture()}") from error

    def picture(self) -> str:
        """What goes on: each worker with its last lines, the network, and where every task of ours stands."""
        lines = [f"seed {self.options.seed}"]
        for slot in self.slots:
            state = "frozen" if slot.is_stopped else "alive" if slot.is_alive else "dead"
            lines.append(f"worker {slot.number}: {state}, {slot.proxy!r}")
            lines += [f"    {line[:300]}" for line in slot.lines.splitlines()[-5:]]
        for task in asyncio.all_tasks():
            frames = task.get_stack()
            where = f"{frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else "nowhere"
            lines.append(f"{task.get_coro().__qualname__} at {where}")
        return "\n".join(lines)

    async def _set_limits(self) -> dict[str, int]:
        """Limits for the whole run, before anything goes wrong."""
        queue = self._open_queue()
        limited = self.queues[1]
        limits = {limited: QUEUE_LIMIT}
        await queue.limit_queue(limited, Limit(concurrency=QUEUE_LIMIT), by="chaos")
        for name in self.queues:
            await queue.limit_keys(name, Limit(concurrency=KEY_LIMIT), by="chaos")
            limits |= {f"{name}:{key}": KEY_LIMIT for key in LIMIT_KEYS}
        await queue.transport.close()
        return limits

    @property
    def proxies(self) -> list[Proxy]:
        """Through which the workers speak to the store."""
        return [slot.proxy for slot in self.slots]

    async def _start_workers(self) -> None:
        for number in range(self.options.workers):
            queues = QUEUES if number % 2 == 0 else QUEUES[::-1]
            arguments = ["--queues", ",".join(queues), "--handlers", "tests.chaos.handlers"]
            if number % 2 == 0:
                arguments += ["--handlers", "tests.chaos.handlers_of_next_version"]
            proxy = await Proxy(self.store.port).start()
            self.slots.append(WorkerSlot(number, proxy, self.effects, arguments))
            self.slots[-1].start()
        for slot in self.slots:
            await slot.ready()

    async def _play(self) -> Result:
        options = self.options
        producer = await self._producer()
        queue = self._open_queue(producer, attempts=1, socket_timeout_s=1.0)
        load = Load(queue, options.seed, options.tasks, options.seconds * 0.9, self.queues, options.kinds)
        async with self._bounded("limits are set", START_S):
            limits = await self._set_limits()
        observer = Observer(self.store.client, load.attempted, shards=self.shards)
        faults = self._new_faults(producer)
        watching = asyncio.create_task(observer.run())
        try:
            loading = asyncio.create_task(load.run())
            planned = plan(options.seed, options.seconds, options.faults, options.workers)
            async with self._bounded("things go wrong and are put right", options.seconds + FAULTS_S):
                await faults.run(planned, options.seconds)
            async with self._bounded("everything ends", QUIET_S + 15):
                await self._quiet(load, loading, observer)
            async with self._bounded("the roll is called", ROLL_S):
                await self._roll_call(load.attempted)
        finally:
            observer.is_over = True
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await queue.transport.close()
            await producer.stop()
        async with self._bounded("the run is judged", JUDGE_S):
            return await self._judge(load, faults, observer, limits)

    async def _producer(self) -> Proxy:
        return await Proxy(self.store.port).start()

    def _open_queue(self, proxy: Proxy | None = None, **options: float) -> TaskQueue:
        """To the store, through a proxy when one is given."""
        url = proxy.url if proxy else f"redis://127.0.0.1:{self.store.port}/0"
        return TaskQueue(TcpTransport(TcpTarget(url), **options), QueueOptions(namespace=NAMESPACE))

    def _new_faults(self, producer: Proxy) -> Faults:
        return Faults(self.store, self.slots, producer)

    async def _quiet(self, load: Load, loading: asyncio.Task[None], observer: Observer) -> None:
        began = monotonic()
        while monotonic() < began + QUIET_S:
            if loading.done() and len(observer.ended) == len(load.attempted):
                break
            await asyncio.sleep(0.05)
        else:
            left = [one for i, one in load.attempted.items() if i not in observer.ended]
            self.unmoved.append(
                f"{len(left)} tasks had not ended {QUIET_S:.0f} s after the faults had stopped"
            )
        await asyncio.wait_for(loading, 10)
        self.facts["quiet after the faults"] = f"{monotonic() - began:.2f} s"

    async def _roll_call(self, attempted: dict[str, Attempted]) -> None:
        """Each worker in turn, all others frozen, must come for a task and for one that falls due."""
        for slot in self.slots:
            await slot.ready()
        if "proxy" in self.options.faults:
            await self._cut_once_more()
        # Once all are idle no lease is about to end, whose guard would come anyway.
        await asyncio.sleep(LEASE_S + 0.5)
        worst = 0.0
        queue = self._open_queue()
        for slot in self.slots:
            others = [other for other in self.slots if other is not slot]
            for other in others:
                other.pause()
            await asyncio.sleep(0.2)  # what they had sent before has arrived: a frozen one claims nothing
            began = monotonic()
            try:
                await self._call(queue, attempted, self.queues[slot.number % len(self.queues)])
            except AssertionError as error:
                self.unmoved.append(f"worker {slot.number} alone and idle does not come: {error}")
            worst = max(worst, monotonic() - began)
            for other in others:
                other.resume()
        await queue.transport.close()
        self.facts["slowest in the roll call"] = f"{worst:.2f} s"

    async def _cut_once_more(self) -> None:
        """The worst moment for a lost reply: it would have told from where to wait, and until when."""
        for slot in self.slots:
            slot.proxy.replies_to_drop = 1
            slot.proxy.cut()
        await wait_until(
            lambda: not any(slot.proxy.replies_to_drop for slot in self.slots),
            describe="each worker lost a reply after it had connected again",
        )

    async def _call(self, queue: TaskQueue, attempted: dict[str, Attempted], name: str) -> None:
        for delay_s in (None, 0.2):
            task = TaskSubmission(
                task_type="work", payload={"seconds": 0.0}, queue=name, delay_seconds=delay_s
            )
            [stored] = await queue.submit([task])
            attempted[stored.id] = Attempted(stored.id, "work", monotonic(), queue=name)

            async def is_over(task_id: str = stored.id) -> bool:
                text = await self.store.client.get(record_key(task_id))
                return bool(text) and text[0] == "C"

            await wait_until(is_over, describe=f"delay {delay_s}", timeout_s=ROLL_CALL_S)

    async def _judge(self, load: Load, faults: Faults, observer: Observer, limits: dict[str, int]) -> Result:
        codes = await gone(self.slots)
        self.unmoved += [
            f"worker {slot.number} ended with code {code}"
            for slot, code in zip(self.slots, codes, strict=True)
            if code != 0
        ]
        await observer.look(at_all=True)
        history = History(
            LEASE_S,
            attempted=load.attempted,
            records=await self._records(),
            runs=read_runs(self.effects),
            clock_steps=faults.clock_steps,
            changed=observer.changed,
            endings=observer.endings,
            disorder=without_late_trims(await asyncio.to_thread(self._disorder), faults.clock_steps),
            unmoved=self.unmoved + faults.stuck,
            losing=self._losing(faults),
            limits=limits,
        )
        for slot in self.slots:
            history.deaths |= slot.deaths
        for proxy in self.proxies:
            for lease, times in proxy.renewals.items():
                history.renewals[lease] = sorted([*history.renewals.get(lease, []), *times])
        verdict = judge(history)
        self.facts |= {
            "appendfsync": self.options.appendfsync,
            "tries of submissions failed": str(load.errors or 0),
            "leases lost": str(sum(slot.count("the lease expired") for slot in self.slots)),
            "outcomes too late": str(sum(slot.count("outcomes came too late") for slot in self.slots)),
        }
        report = render(verdict, faults.counts, self.options.seed, self.facts)
        return Result(verdict, report, {slot.number: slot.lines for slot in self.slots})

    def _losing(self, faults: Faults) -> list[tuple[float, float]]:
        """With everysec a server that is killed may lose what it said in the last moments."""
        if self.options.appendfsync == "always":
            return []
        return [(at - UNSYNCED_S, at + PAUSE_S) for at in faults.store_kills]

    async def _records(self) -> dict[str, str]:
        keys = [key async for key in self.store.client.scan_iter(f"{PREFIX}t:*", count=10_000)]
        found: dict[str, str] = {}
        for i in range(0, len(keys), 1000):
            texts = await self.store.client.mget(keys[i : i + 1000])
            found |= dict(zip([key[len(PREFIX) + 2 :] for key in keys[i : i + 1000]], texts, strict=True))
        return found

    def _disorder(self) -> list[str]:
        with redis.Redis(
            port=self.store.port, decode_responses=True, protocol=2, socket_timeout=30
        ) as client:
            return disorder(client) + leaks(client)


def without_late_trims(disorder: list[str], steps: list[tuple[float, float]]) -> list[str]:
    """Leave out what a clock that went back explains: an ended task is trimmed late by that much."""
    back_ms = -1000 * min((step for _, step in steps), default=0.0)

    def is_explained(line: str) -> bool:
        late = re.search(r"is trimmed too late: timer ([\d.]+), first ([\d.]+)", line)
        return late is not None and float(late[1]) - float(late[2]) <= back_ms

    return [line for line in disorder if not is_explained(line)]


async def play(options: Options, kind: type[Run] = Run) -> Result:
    """Run once in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return await kind(options, Path(folder)).play()
