"""Whether depth costs: a million tasks pending, scheduled and done each, against a thousand of each.

On `redis-server` when it is installed; hosters and distributions build such. `SCALE_SERVER=embedded` measures the
embedded Valkey. Depth is dear where an allocator strews the blocks of scripts over the whole heap, as the C library's
does: both are here with one that does not.
`SCALE=100000` in the environment makes the deep side less deep. Rates are measured over the wire, in turns on
two servers, and their medians compared; the time of scripts is what the server's slow log says.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from statistics import median

import redis

from shared.models import TaskSubmission
from shared.queue import Outcome, QueueOptions, TaskQueue, WorkerState
from shared.settings import TcpTarget
from shared.transports.tcp import TcpTransport
from tests.benchmarks.measure import NAMESPACE, RESULT, fresh_server, scaled, show
from tests.support.factories import registered
from tests.support.processes import libraries_of
from tests.support.server import Server

DEEP = int(os.environ.get("SCALE", "1000000"))
FLAT = 1_000
ROUNDS = 21
CALLS = 50
AT_CAPS = 1_000
DAY_S = 86_400.0


class Side:
    """A server with so many tasks of each kind, and what can be measured there."""

    def __init__(self, queue: TaskQueue, client: redis.Redis, state: WorkerState) -> None:
        self.queue, self.client, self.state = queue, client, state
        self.ids: list[str] = []

    async def fill(self, depth: int) -> None:
        """Done first, so that claims need not pass what is pending."""
        outcomes: list[Outcome] = []
        for first in range(0, depth, 1000):
            await self.queue.submit([_task(n) for n in range(min(1000, depth - first))])
            for _ in range(11):
                outcomes = await self._exchange(outcomes)
        for first in range(0, depth, 500):
            count = min(500, depth - first)
            await self.queue.submit([_task(n) for n in range(count)])
            await self.queue.submit([_task(n, delay_seconds=DAY_S + n) for n in range(count)])

    async def _exchange(self, outcomes: list[Outcome], kind: str = "c") -> list[Outcome]:
        reply = await self.queue.exchange(self.state, outcomes, free=100, maintain=False, want_cursor=False)
        body = RESULT if kind == "c" else ""
        return [Outcome(claim.id, claim.number, kind, body) for claim in reply.claims]

    async def submit(self) -> float:
        """Submissions a second."""
        started = time.perf_counter()
        for n in range(CALLS):
            self.ids.append((await self.queue.submit([_task(n, priority=1)]))[0].id)
        return CALLS / (time.perf_counter() - started)

    async def cancel(self) -> float:
        """Of what was just submitted, cancellations a second."""
        started = time.perf_counter()
        for task_id in self.ids:
            await self.queue.cancel(task_id)
        taken, count = time.perf_counter() - started, len(self.ids)
        self.ids.clear()
        return count / taken

    async def claim(self) -> float:
        """Exchanges of one claim each, a second; each is handed back with the next."""
        started = time.perf_counter()
        outcomes: list[Outcome] = []
        for n in range(CALLS):
            reply = await self.queue.exchange(self.state, outcomes, free=int(n < CALLS - 1), maintain=False)
            outcomes = [Outcome(claim.id, claim.number, "h") for claim in reply.claims]
        return CALLS / (time.perf_counter() - started)

    async def drain(self) -> float:
        """Tasks a second through exchanges of 100 claims; handed back, so that it stays as deep as it is."""
        started, count, outcomes = time.perf_counter(), 0, await self._exchange([])
        for _ in range(CALLS // 5):
            count += len(outcomes)
            outcomes = await self._exchange([one._replace(kind="h", body="") for one in outcomes])
        taken = time.perf_counter() - started
        await self.queue.exchange(self.state, [one._replace(kind="h", body="") for one in outcomes], free=0)
        return count / taken

    async def reap(self) -> float:
        """Tasks a second that come back from a worker that is gone, 100 in one call."""
        lost = await registered(self.queue)
        held = len((await self.queue.exchange(lost, free=100)).claims)
        await self.queue.leave(lost)
        started = time.perf_counter()
        while await self.queue.tick():
            pass
        return held / (time.perf_counter() - started)

    async def page_ms(self) -> float:
        """The mean of a page of 50, ms of the server."""
        self._log_all()
        for _ in range(CALLS):
            await self.queue.list_tasks(limit=50)
        return sum(self._logged("EVALSHA", "ZRANGE", "MGET")) / CALLS

    async def at_caps_ms(self) -> list[float]:
        """1,000 exchanges with 100 outcomes and 100 claims, ms of script, in order of length."""
        outcomes = await self._exchange([])
        self._log_all()
        for n in range(AT_CAPS):
            # Handed back: what is there stays as deep as it is.
            outcomes = await self._exchange([one._replace(kind="h", body="") for one in outcomes])
            if n % 100 == 99:
                await self.queue.tick()
        times = sorted(self._logged("EVALSHA"))
        await self.queue.exchange(self.state, [one._replace(kind="h", body="") for one in outcomes], free=0)
        return times

    def _log_all(self) -> None:
        self.client.config_set("slowlog-max-len", "4000")
        self.client.config_set("slowlog-log-slower-than", "0")
        self.client.slowlog_reset()

    def _logged(self, *names: str) -> list[float]:
        entries = self.client.slowlog_get(4000)
        self.client.config_set("slowlog-log-slower-than", "-1")
        return [
            one["duration"] / 1000
            for one in entries
            if any(name in str(one["command"])[:10] for name in names)
        ]


def run() -> None:
    """Fill both, then measure in turns."""
    asyncio.run(_run())


async def _run() -> None:
    depth_of_deep = max(2 * FLAT, scaled(DEEP))
    program = None if os.environ.get("SCALE_SERVER") == "embedded" else shutil.which("redis-server")
    with fresh_server(program) as (one, flat_client), fresh_server(program) as (other, deep_client):
        sides = []
        for server, client, depth in ((one, flat_client, FLAT), (other, deep_client, depth_of_deep)):
            options = QueueOptions(namespace=NAMESPACE, keep=10 * DEEP)
            queue = TaskQueue(TcpTransport(TcpTarget(server.url), attempts=1), options)
            side = Side(queue, client, await registered(queue))
            started = time.perf_counter()
            await side.fill(depth)
            memory = client.info("memory")
            show(
                f"{depth:,} of each",
                {
                    "filled in, s": time.perf_counter() - started,
                    "memory, MiB": memory["used_memory"] / 2**20,
                    "server": client.info("server")["redis_version"],
                    "allocator": "mimalloc" if _is_preloaded(server) else memory["mem_allocator"],
                },
            )
            sides.append(side)
        for name in ("submit", "claim", "drain", "cancel", "reap"):
            flat, deep = await _in_turns(sides, name)
            show(
                f"{name}, a second over the wire (at least 0.75)",
                {f"at {FLAT:,}": flat, f"at {depth_of_deep:,}": deep, "ratio": f"{deep / flat:.3f}"},
            )
        page = await sides[1].page_ms()
        times = await sides[1].at_caps_ms()
        show(
            f"Script time at {depth_of_deep:,}",
            {
                "a page of 50, ms (at most 0.1)": f"{page:.3f}",
                "100 outcomes + 100 claims, median ms": f"{median(times):.3f}",
                "p99 of 1,000 calls, ms (at most 5)": f"{times[int(len(times) * 0.99)]:.3f}",
                "worst, ms": f"{times[-1]:.3f}",
            },
        )
        for side in sides:
            await side.queue.transport.close()


async def _in_turns(sides: list[Side], name: str) -> tuple[float, float]:
    rates: list[list[float]] = [[], []]
    for _ in range(min(ROUNDS, scaled(ROUNDS * 10))):
        for which, side in enumerate(sides):
            if name == "cancel" and not side.ids:
                await side.submit()
            measure: Callable[[], Awaitable[float]] = getattr(side, name)
            rates[which].append(await measure())
    return median(rates[0]), median(rates[1])


def _is_preloaded(server: Server) -> bool:
    """The server itself knows of the C library only."""
    return "libmimalloc" in libraries_of(server.process.pid)


def _task(n: int, **fields: object) -> TaskSubmission:
    return TaskSubmission(task_type="noop", payload={"n": n}, **fields)  # type: ignore[arg-type]
