"""What the machine can do: redis-benchmark, one connection's round trips, and a list queue of two lines of Lua.

Every other figure is read beside these, since they move with the machine and its load.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time

import redis.asyncio

from tests.benchmarks.measure import RESULT, fresh_server, scaled, show

#: Ends a hundred tasks and takes the next hundred: the least that a queue in a script can do.
LIST_QUEUE = """
local done = #ARGV
if done > 0 then redis.call('LPUSH', KEYS[2], unpack(ARGV)) end
return redis.call('RPOP', KEYS[1], 100)
"""
PAYLOAD = "x" * 200


def run() -> None:
    """All three on one server."""
    asyncio.run(_run())


async def _run() -> None:
    count = scaled(100_000)
    with fresh_server() as (server, _):
        figures: dict[str, object] = {}
        tool = shutil.which("valkey-benchmark") or shutil.which("redis-benchmark")
        if tool:
            command = [tool, "-p", str(server.port), "-n", str(count), "-P", "16", "-t", "set", "--csv"]
            # The last line holds the test and its rate.
            lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
            figures["pipelined SET of redis-benchmark, a second"] = float(lines[-1].split(",")[1].strip('"'))
        client = redis.asyncio.Redis.from_url(server.url, decode_responses=True)
        try:
            figures["round trips of one connection, a second"] = await _round_trips(
                client, max(100, count // 20)
            )
            figures["Lua list queue, tasks/s"] = await _list_queue(client, count)
        finally:
            await client.aclose()
        show("Floors", figures)


async def _round_trips(client: redis.asyncio.Redis, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        await client.ping()
    return count / (time.perf_counter() - started)


async def _list_queue(client: redis.asyncio.Redis, count: int) -> float:
    for first in range(0, count, 1000):
        await client.lpush("todo", *[PAYLOAD] * min(1000, count - first))
    script = client.register_script(LIST_QUEUE)
    started, done, results = time.perf_counter(), 0, []
    while done < count:
        taken = await script(keys=["todo", "done"], args=results) or []
        done += len(results)
        results = [RESULT] * len(taken)
    return count / (time.perf_counter() - started)
