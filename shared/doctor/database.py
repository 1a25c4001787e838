"""Checks of one way to Redis: does it answer, does it do what our scripts use, will it keep tasks."""

from __future__ import annotations

import contextlib
import secrets
import statistics
from collections.abc import Iterator
from time import monotonic, time
from urllib.parse import urlsplit

from shared.doctor.environment import name_of
from shared.doctor.report import Finding, Verdict
from shared.errors import DtqError, StoreError, StoreFull, StoreRefused
from shared.keys import Keys
from shared.queue import QueueOptions, TaskQueue
from shared.scripts import script
from shared.settings import RestTarget, TcpTarget
from shared.store_facts import read_info
from shared.transports.base import ScriptSignal, Transport

PINGS = 10
#: Medians above this make each submission slow, ms.
SLOW_MS = {"TCP": 25.0, "REST": 60.0}
#: Schedules and `run_at` are told by people's clocks, leases by the server's.
CLOCK_S = 2.0
FULL_SHARE = 0.8
#: Of the probe: more than it has steps.
_NO_STEP = 1000
MIB = 1024 * 1024


class Database:
    """The checks of one transport.

    Args:
        target: where it leads.
        transport: an open one to there.
        options: namespace and shards of the deployment.

    Attributes:
        scratch: keys of this visit alone.
    """

    def __init__(self, target: RestTarget | TcpTarget, transport: Transport, options: QueueOptions) -> None:
        self.way = name_of(target)
        self.transport = transport
        self._scheme = urlsplit(target.url).scheme
        self.queue = TaskQueue(transport, options)
        mark, keys = secrets.token_hex(4), Keys(options.namespace)
        self.scratch = [keys.scratch(mark, number) for number in range(4)]

    async def check(self) -> list[Finding]:
        """All checks; after the first that finds nobody there, no more."""
        try:
            findings = [await self._speed()]
        except StoreError as error:
            return [Finding(self.way, Verdict.FAIL, error.detail, self._cure(error))]
        findings.append(await self._clock())
        findings += await self._features()
        facts = await self._facts()
        findings += [*_identity(self.way, facts), *_safety(self.way, facts), *_room(self.way, facts)]
        return findings

    async def _speed(self) -> Finding:
        await self.queue.ping()  # connects
        times = []
        for _ in range(PINGS):
            began = monotonic()
            await self.queue.ping()
            times.append((monotonic() - began) * 1000)
        median, limit = statistics.median(times), SLOW_MS[self.way]
        found = f"answers in {median:.1f} ms (median of {PINGS}, slowest {max(times):.1f} ms)."
        if median > limit:
            return Finding(self.way, Verdict.WARN, found, "Put it into the region of what calls it.")
        return Finding(self.way, Verdict.OK, found)

    async def _clock(self) -> Finding:
        began = time()
        seconds, micros = await self.transport.command("TIME")
        skew_s = int(seconds) + int(micros) / 1e6 - (began + time()) / 2
        found = f"the server's clock is {abs(skew_s):.2f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's."
        if abs(skew_s) <= CLOCK_S:
            return Finding("clock", Verdict.OK, found)
        fix = "Let NTP set both clocks; the server's decides when tasks are due and leases end."
        return Finding("clock", Verdict.WARN, found, fix)

    async def _features(self) -> list[Finding]:
        """One call when all is well; step by step only to find what the server lacks."""
        try:
            others, _ = await self._probe(0)
            findings = [
                await self._errors_arrive(),
                *(_alien(f"it answers otherwise than Redis to: {name}.") for name in others),
            ]
        except (StoreFull, StoreRefused) as error:
            findings = [Finding("scripts", Verdict.FAIL, error.detail, self._cure(error))]
        except StoreError as error:
            findings = await self._step_by_step(error)
        # Who may not write may not delete either, and has just been told so.
        with contextlib.suppress(StoreRefused):
            await self.transport.command("DEL", *self.scratch)
        return findings

    async def _step_by_step(self, first: StoreError) -> list[Finding]:
        findings = []
        _, names = await self._probe(_NO_STEP)
        for number, name in enumerate(names, start=1):
            try:
                await self._probe(number)
            except StoreError as error:
                findings.append(_alien(f"{name}: {error.detail}"))
        return findings or [_alien(first.detail)]

    async def _probe(self, number: int) -> tuple[list[str], list[str]]:
        """Run all steps, or one: names of those that were answered otherwise, and of all.

        Raises:
            StoreError: a step is refused.
        """
        keys, args = script("probe").pack(scratch=self.scratch, only=str(number))
        _, others, names = await self.transport.run(script("probe"), keys, args)
        return others, names

    async def _errors_arrive(self) -> Finding:
        keys, args = script("probe").pack(scratch=self.scratch, only="-1")
        try:
            await self.transport.run(script("probe"), keys, args)
        except ScriptSignal as signal:
            if signal.code == "DTQ_NOT_FOUND" and signal.words == ["probe"]:
                return Finding("scripts", Verdict.OK, "every feature that our scripts use is there.")
        return Finding(
            "scripts", Verdict.FAIL, "error replies of scripts do not arrive as they are.", _NO_REDIS
        )

    def _cure(self, error: StoreError) -> str:
        """What to do about an error of the first contact, or of the first write."""
        text = error.detail
        if isinstance(error, StoreFull):
            return "Shorten RETENTION_SECONDS or RETENTION_COUNT, purge the dead letters, or give it more memory."
        if isinstance(error, StoreRefused):
            return next((cure for mark, cure in _CURES.items() if mark in text), "")
        if self._scheme == "redis" and ("reset by peer" in text or "closed by server" in text):
            return "Does it speak TLS? Then write rediss://."
        if "WRONG_VERSION_NUMBER" in text or "wrong version number" in text:
            return f"It speaks no TLS there: write {'redis' if self._scheme == 'rediss' else 'http'}://."
        return "Compare the URL with the database's page; may this machine reach it?"

    async def _facts(self) -> dict[str, str]:
        """What INFO tells; empty where it is not allowed."""
        try:
            told = await self.transport.command("INFO")
        except DtqError:
            return {}
        return read_info(told)


_CURES = {
    "max requests limit": "The plan's commands are used up: raise its budget, or take another plan at Upstash.",
    "password": "Copy the URL with its password anew from the database's page.",
    "WRONGPASS": "Copy URL and token anew from the database's page.",
    "NOPERM": "Use the token or the user that may write; a read-only one cannot submit.",
}
_NO_REDIS = "Use Redis 7 or newer, Valkey, or Upstash; tell us about this server."


def _alien(found: str) -> Finding:
    return Finding("scripts", Verdict.FAIL, found, _NO_REDIS)


def _identity(way: str, facts: dict[str, str]) -> Iterator[Finding]:
    server = facts.get("valkey_version") or facts.get("redis_version") or facts.get("upstash_version")
    if server:
        name = "Valkey" if "valkey_version" in facts else "Redis protocol"
        yield Finding("server", Verdict.OK, f"{name} {server}, reached over {way}.")
    if facts.get("role") == "slave":
        yield Finding("server", Verdict.FAIL, "is a replica, which refuses writes.", "Name the primary.")


def _safety(way: str, facts: dict[str, str]) -> Iterator[Finding]:
    """Whether tasks stay: eviction and persistence."""
    policy = facts.get("maxmemory_policy")
    evicted = int(facts.get("evicted_keys", "0"))
    if policy is None:
        fix = "At Upstash: the database's page, Eviction must be off (it is by default)."
        yield Finding("eviction", Verdict.UNKNOWN, "this server does not tell.", fix)
    elif policy != "noeviction":
        yield Finding(
            "eviction",
            Verdict.FAIL,
            f"maxmemory-policy is {policy}: tasks vanish when memory is full.",
            "CONFIG SET maxmemory-policy noeviction, and in its configuration file.",
        )
    else:
        yield Finding("eviction", Verdict.OK, "noeviction.")
    if evicted:
        yield Finding(
            "eviction",
            Verdict.FAIL,
            f"{evicted} keys were evicted since the server's start: tasks may be lost.",
            "Set noeviction; compare what you submitted with what is kept.",
        )
    yield _persistence(facts)


def _persistence(facts: dict[str, str]) -> Finding:
    enabled = facts.get("aof_enabled")
    if enabled is None:
        return Finding(
            "persistence",
            Verdict.UNKNOWN,
            "this server does not tell.",
            "Upstash always persists; elsewhere read its manual.",
        )
    if enabled != "1":
        fix = "Start it with --appendonly yes; tasks that were answered 2xx are gone after a crash otherwise."
        return Finding("persistence", Verdict.FAIL, "no append-only file is written.", fix)
    status = facts.get("aof_last_write_status", "ok")
    if status != "ok":
        return Finding(
            "persistence",
            Verdict.FAIL,
            f"the last write of the append-only file ended in {status}.",
            "Free space on its disk.",
        )
    return Finding("persistence", Verdict.OK, "an append-only file is written.")


def _room(way: str, facts: dict[str, str]) -> Iterator[Finding]:
    """Limits of the plan or of the server: memory and connections."""
    used, limit = int(facts.get("used_memory", "0")), int(facts.get("maxmemory", "0"))
    if limit:
        found = f"{used / MIB:.1f} of {limit / MIB:.1f} MiB used."
        if used > FULL_SHARE * limit:
            yield Finding(
                "memory",
                Verdict.WARN,
                found,
                "Shorten RETENTION_SECONDS or RETENTION_COUNT, or give it more.",
            )
        else:
            yield Finding("memory", Verdict.OK, found)
    elif "maxmemory" in facts:
        fix = "Set --maxmemory below what the machine has; without it the kernel may kill Redis."
        yield Finding("memory", Verdict.WARN, f"{used / MIB:.1f} MiB used, without a limit.", fix)
    clients, most = int(facts.get("connected_clients", "0")), int(facts.get("maxclients", "0"))
    if most:
        verdict = Verdict.WARN if clients > FULL_SHARE * most else Verdict.OK
        fix = "Raise maxclients, or run fewer workers." if verdict is Verdict.WARN else ""
        yield Finding("connections", verdict, f"{clients} of {most}.", fix)
