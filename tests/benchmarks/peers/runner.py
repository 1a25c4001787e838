"""Each queue alone on an empty server: rate, delay at 20 tasks/s, idle calls, calls per task.

Environments are made once, in DTQ_PEERS_CACHE (default ~/.cache/dtq-peers), from the versions in requirements.txt.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import redis

from tests.benchmarks.measure import fresh_server
from tests.support.server import Server

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CACHE = Path(os.environ.get("DTQ_PEERS_CACHE", Path.home() / ".cache" / "dtq-peers"))
#: What we send ourselves, and what Upstash does not bill.
UNCOUNTED = ("info", "config", "ping", "auth", "quit", "command")
#: Times as many tasks: these would be done with the others' amount before they have run warm.
FASTER = {"dtq": 10, "bullmq": 10}
#: Seconds of idleness to look at in a full run, of those who block for longer than a look at the others: two blocks.
LONGER_S = {"rq": 850.0}


class Plan(NamedTuple):
    """How much of each is measured."""

    drain: int = 3_000
    spaced: int = 300
    idle_s: float = 20.0
    settle_s: float = 3.0
    is_full: bool = False


class Peer(NamedTuple):
    """How a queue is submitted to and worked off: command lines without the count."""

    name: str
    version: str
    submit: list[str]
    spaced: list[str]
    work: list[str]
    folder: Path


def pinned() -> Iterator[list[str]]:
    """The packages of each peer; the first is the peer's own."""
    for line in (HERE / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split()


def install(packages: list[str]) -> Peer:
    """The environment of a peer, made if it is not there with exactly these versions."""
    name, version = packages[0].replace("==", "@").split("@")
    folder = CACHE / name
    wanted = "\n".join(packages)
    done = folder / ".installed"
    is_node = "==" not in packages[0]
    if not done.exists() or done.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        if is_node:
            folder.mkdir(parents=True)
            (folder / "package.json").write_text('{"private": true}')
            command = ["npm", "install", "--silent", "--no-audit", *packages]
        else:
            venv.create(folder, with_pip=True)
            command = [str(folder / "bin" / "pip"), "install", "-q", *packages]
        subprocess.run(command, cwd=folder, check=True)
        done.write_text(wanted)
    start = (
        ["node", str(HERE / "app.mjs")] if is_node else [str(folder / "bin" / "python"), str(HERE / "app.py")]
    )
    submit, spaced, work = ([*start, name, role] for role in ("submit", "spaced", "work"))
    return Peer(name, version, submit, spaced, work, folder if is_node else HERE)


def ours() -> Peer:
    """This queue, measured by the same steps."""
    submit, spaced = (
        [sys.executable, "-m", "tests.benchmarks.submit", role] for role in ("submit", "spaced")
    )
    handlers = ["--handlers", "tests.benchmarks.handlers", "--concurrency", "100"]
    return Peer("dtq", "this", submit, spaced, [sys.executable, "-m", "worker_host", *handlers], ROOT)


def idle_calls(peers: list[Peer], plan: Plan) -> dict[str, float]:
    """Calls an hour by name; all wait at the same time, each on a server of its own."""
    with ThreadPoolExecutor(len(peers)) as pool:
        seconds = {
            **dict.fromkeys((peer.name for peer in peers), plan.idle_s),
            **(LONGER_S if plan.is_full else {}),
        }
        found = pool.map(lambda peer: _idle(peer, seconds[peer.name], plan.settle_s), peers)
        return {peer.name: one for peer, one in zip(peers, found, strict=True)}


def drained(peer: Peer, count: int) -> dict[str, float]:
    """Tasks a second of one worker that finds so many waiting, and calls per task."""
    with fresh_server() as (server, client), figures_file() as path:
        client.config_resetstat()
        _submit(peer, server, peer.submit, count)
        submitted = calls(client)
        with worker(peer, server, path, count) as is_alive:
            figures = read_figures(path, 30, is_alive, peer.name)
            time.sleep(0.5)  # The outcomes of the last tasks reach Redis.
            total = calls(client)
    return {
        "drain_per_s": figures["rate"],
        "calls_submit_batch": submitted / count,
        "calls_per_task_batch": total / count,
    }


def spaced(peer: Peer, count: int, settle_s: float) -> dict[str, float]:
    """Delay and calls per task at 20 tasks a second."""
    with (
        fresh_server() as (server, client),
        figures_file() as path,
        worker(peer, server, path, count) as is_alive,
    ):
        time.sleep(settle_s)
        client.config_resetstat()
        _submit(peer, server, peer.spaced, count)
        delays = sorted(read_figures(path, 60, is_alive, peer.name)["delays"])
        time.sleep(0.5)
        total = calls(client)
    return {
        "start_p50_ms": delays[len(delays) // 2],
        "start_p99_ms": delays[int(len(delays) * 0.99)],
        "calls_per_task_alone": total / count,
    }


def _idle(peer: Peer, seconds: float, settle_s: float) -> float:
    with (
        fresh_server() as (server, client),
        figures_file() as path,
        worker(peer, server, path, 0) as is_alive,
    ):
        time.sleep(settle_s)
        client.config_resetstat()
        time.sleep(seconds)
        total = calls(client)
        if not is_alive():
            raise RuntimeError(f"{peer.name}: the idle worker has ended")
    return total * 3600 / seconds


def calls(client: redis.Redis) -> int:
    """All calls since CONFIG RESETSTAT, those inside scripts included."""
    stats = client.info("commandstats")
    return sum(one["calls"] for key, one in stats.items() if key[8:].split("|")[0] not in UNCOUNTED)


def _environment(server: Server, path: Path | None, total: int) -> dict[str, str]:
    base = {k: v for k, v in os.environ.items() if not k.startswith(("UPSTASH_", "KV_"))}
    ours_only = {"DTQ_NAMESPACE": "test", "HEALTH_PORT": "0", "LOG_FORMAT": "json"}
    more = {"REDIS_URL": server.url, "TOTAL": str(total), "PYTHONWARNINGS": "ignore"}
    return base | ours_only | more | ({"FIGURES": str(path)} if path else {})


def _submit(peer: Peer, server: Server, command: list[str], count: int) -> None:
    environment = _environment(server, None, count)
    done = subprocess.run(
        [*command, str(count)],
        cwd=peer.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{peer.name} could not submit: {done.stderr[-2000:]}")


@contextmanager
def figures_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "figures.json"


@contextmanager
def worker(peer: Peer, server: Server, path: Path, total: int) -> Iterator[Callable[[], bool]]:
    with (path.parent / "worker.log").open("w") as log:
        process = subprocess.Popen(
            peer.work,
            cwd=peer.folder,
            env=_environment(server, path, total),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield lambda: process.poll() is None
        finally:
            process.kill()
            process.wait(10)


def read_figures(path: Path, timeout_s: float, is_alive: Callable[[], bool], name: str) -> dict:
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        if not is_alive() or time.monotonic() > deadline:
            log = (path.parent / "worker.log").read_text()[-2000:]
            raise RuntimeError(f"{name}: no figures within {timeout_s:g} s, or the worker has ended: {log}")
        time.sleep(0.02)
    return json.loads(path.read_text())
