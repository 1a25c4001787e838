"""Invariants as code: where each task is, what the counts say, which keys may exist."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import NamedTuple

import redis

from tests.support.bands import BAND_SPAN, BANDS, band_of

PREFIX = "{test:0}:"
ANY_PREFIX = re.compile(r"\{test:\d+\}:")
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
ID = r"[0-9a-z]{27}"
#: the keys of DESIGN §3.3 that exist so far, with their types
KNOWN = {
    rf"t:{ID}": "string",
    rf"p:{ID}": "string",
    rf"o:{ID}": "string",
    rf"pending:{NAME}": "zset",
    rf"parked:{NAME}:{NAME}": "zset",
    r"timers": "zset",
    r"wakes": "stream",
    r"events": "stream",
    r"queues": "hash",
    r"workers": "hash",
    r"types": "hash",
    r"done": "zset",
    r"groups": "zset",
    rf"unique:{NAME}:[^:]+": "string",
    r"audit": "stream",
    r"schedules": "hash",
    rf"parked:{NAME}": "zset",
    r"limits": "hash",
    r"cost": "hash",
    r"alerts": "hash",
    r"alerts:turn": "string",
    r"stats:(day:)?\d+": "hash",
    r"rates": "zset",
    rf"fair:{NAME}:\d+": "zset",
    rf"(throttle|debounce):{NAME}:[^:]+": "string",
    rf"job:{ID}": "hash",
    r"jobs": "zset",
    r"repairs": "hash",
    r"keys": "hash",
    r"rate:(submit|sign-in):[A-Za-z0-9._:-]*": "string",
    r"durable": "string",
}
RECORD = re.compile(
    r"(?P<letter>[SPRYCDX])(?P<attempt>\d+) (?P<free>\d+) (?P<due>\d+)"
    r"(?: (?P<worker>\S+) (?P<claim>\d+) (?P<started>\d+)(?: (?P<finished>\d+)(?: (?P<group>\S+))?)?)?"
    r"\n(?P<created>\d+) (?P<priority>\d+) (?P<queue>\S+) (?P<type>\S+) (?P<retries>\d+)(?P<options>[^\n]*)"
    r"\n(?P<payload>[^\n]+)(?P<tagged>(?:\n[argl][^\n]*)*)"
)


class Snapshot(NamedTuple):
    """Everything that is stored, read outside the engine."""

    strings: dict[str, str]
    zsets: dict[str, dict[str, float]]
    hashes: dict[str, dict[str, str]]


def leaks(store: redis.Redis) -> list[str]:
    """Keys that are in no table, and keys of a wrong type."""
    found = []
    for key in store.scan_iter(count=10_000):
        prefix = ANY_PREFIX.match(key)
        if not prefix:
            found.append(f"{key}: outside the namespace")
            continue
        kinds = [kind for pattern, kind in KNOWN.items() if re.fullmatch(pattern, key[prefix.end() :])]
        if kinds != [store.type(key)]:
            found.append(f"{key}: {store.type(key)}, known as {kinds}")
    return found


def _snapshots(store: redis.Redis) -> list[Snapshot]:
    """Read the whole namespace, shard by shard."""
    shards: dict[str, list[str]] = defaultdict(list)
    for key in store.scan_iter(count=10_000):
        found = ANY_PREFIX.match(key)
        shards[found.group() if found else ""].append(key)
    return [_snapshot(store, prefix, keys) for prefix, keys in sorted(shards.items())]


def _snapshot(store: redis.Redis, prefix: str, keys: list[str]) -> Snapshot:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        by_kind[store.type(key)].append(key)
    cut = len(prefix)
    texts = store.mget(by_kind["string"]) if by_kind["string"] else []
    return Snapshot(
        {key[cut:]: text for key, text in zip(by_kind["string"], texts, strict=True)},
        {key[cut:]: dict(store.zrange(key, 0, -1, withscores=True)) for key in by_kind["zset"]},
        {key[cut:]: store.hgetall(key) for key in by_kind["hash"]},
    )


def disorder(store: redis.Redis) -> list[str]:
    """What is wrong: tasks in no place or several, indexes without a record, counts that disagree."""
    return [line for seen in _snapshots(store) for line in disorder_in(seen)]


def disorder_in(seen: Snapshot) -> list[str]:
    """What is wrong in one namespace, of one moment."""
    records: dict[str, dict[str, str]] = {}
    wrong: list[str] = []
    for key, text in seen.strings.items():
        if key.startswith("t:"):
            match = RECORD.fullmatch(text)
            if match:
                records[key[2:]] = match.groupdict()
            else:
                wrong.append(f"{key}: not a record: {text[:200]!r}")
    places = _places(seen)
    for task_id, record in records.items():
        allowed = _allowed(task_id, record)
        here = places.pop(task_id, [])
        if len(here) != 1 or here[0] not in allowed:
            wrong.append(f"{task_id} is {record['letter']} in {here}, belongs in one of {allowed}")
    wrong += [f"{task_id} has no record but is in {here}" for task_id, here in places.items()]
    wrong += _wrong_bodies(seen, records) + _wrong_counts(seen, records) + _wrong_limits(seen, records)
    return wrong + _wrong_timers(seen) + _wrong_groups(seen, records)


def _places(seen: Snapshot) -> dict[str, list[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for key, members in seen.zsets.items():
        if key in ("groups", "rates", "jobs") or key.startswith("fair:"):
            continue  # no places: more ways to dead tasks (see _wrong_groups), times of keys, bulk operations
        for member in members:
            if key == "done":
                if band_of(members[member]) or not member.startswith("group:"):
                    places[member].append(f"done, band {band_of(members[member])}")
            elif key == "timers":
                if member.startswith("t:"):
                    places[member[2:].partition(":")[0]].append(f"timers {member} {members[member]:.0f}")
            else:
                places[member.rpartition(":")[2]].append(key)
    for worker, held in _held(seen).items():
        for claim in held:
            number, _, task_id = claim.partition(":")
            places[task_id].append(f"held by {worker} {number}")
    return places


def _held(seen: Snapshot) -> dict[str, list[str]]:
    """By worker, "<claim>:<id>" of what it holds: what it remembers, and what was handed to it."""
    held: dict[str, list[str]] = defaultdict(list)
    for name, text in seen.hashes.get("queues", {}).items():
        if name.startswith(("*:+", "*:=")) and text:
            held[name[3:]] += text.rpartition("|")[2].split()
    return held


def _allowed(task_id: str, record: dict[str, str]) -> list[str]:
    letter, queue = record["letter"], record["queue"]
    if letter == "P":
        return [f"pending:{queue}", f"parked:{queue}:{record['type']}", f"parked:{queue}"]
    if letter in "SY":
        return [f"timers t:{task_id}:{queue} {record['due']}"]
    if letter == "R":
        return [f"held by {record['worker']} {record['claim']}"]
    return [f"done, band {BANDS[letter]}"]


def _wrong_bodies(seen: Snapshot, records: dict[str, dict[str, str]]) -> list[str]:
    expected = {f"p:{task_id}" for task_id, record in records.items() if record["payload"] == "@"}
    expected |= {f"o:{task_id}" for task_id, record in records.items() if "\nr@" in record["tagged"]}
    stored = {key for key in seen.strings if key[:2] in ("p:", "o:")}
    return [f"bodies: stored alone {sorted(stored - expected)}, missing {sorted(expected - stored)}"] * (
        stored != expected
    )


def _wrong_counts(seen: Snapshot, records: dict[str, dict[str, str]]) -> list[str]:
    parked = {
        member.rpartition(":")[2]
        for key, members in seen.zsets.items()
        if key.startswith("parked:")
        for member in members
    }
    expected: Counter[str] = Counter()
    for task_id, record in records.items():
        letter = record["letter"]
        kind = letter if letter != "P" else "K" if task_id in parked else record["priority"]
        expected[f"{record['queue']}:{kind}"] += 1
        if letter in BANDS:
            expected[f"*:{letter}"] += 1
    fields = seen.hashes.get("queues", {})
    # What is counted as submitted lately rides in the same numbers; see scripts/lib/counts.lua.
    counted = {
        name: int(value) % 2**26
        for name, value in fields.items()
        if name[-2:] not in (":!", ":@", ":h", ":w", ":v", ":i", ":t", ":f")
        and not name.startswith(("*:~", "*:+", "*:="))
    }
    names = set(expected) | set(counted)
    return [
        f"count {name}: {counted.get(name, 0)}, really {expected[name]}"
        for name in sorted(names)
        if counted.get(name, 0) != expected[name]
    ]


def _limit_key(record: dict[str, str]) -> str | None:
    key = re.search(r" c=(\S+)", record["options"].partition(" o=")[0])
    return key[1] if key else None


def _wrong_limits(seen: Snapshot, records: dict[str, dict[str, str]]) -> list[str]:
    """What is counted of limit keys runs, none runs over its limit, and what is parked has somebody who comes."""
    running: Counter[str] = Counter()
    for record in records.values():
        key = _limit_key(record)
        if key and record["letter"] == "R":
            running[f"{record['queue']}:{key}"] += 1
    stored = seen.hashes.get("limits", {})
    counted = {field: int(value.split()[0]) for field, value in stored.items() if "!" not in field}
    wrong = [
        f"limit key {field}: {counted.get(field, 0)} running are counted, really {running[field]}"
        for field in sorted(set(running) | set(counted))
        if counted.get(field, 0) != running[field]
    ]
    timers = seen.zsets.get("timers", {})
    # A pending task of the key will start, end, and let the next one in.
    pending = {
        f"{record['queue']}:{_limit_key(record)}"
        for task_id, record in records.items()
        if task_id in seen.zsets.get(f"pending:{record['queue']}", {})
    }
    for key, members in seen.zsets.items():
        queue = key.removeprefix("parked:")
        if not key.startswith("parked:") or ":" in queue:
            continue
        for field in {f"{queue}:{member.partition(':')[0]}" for member in members}:
            parked = int(stored.get(field, "0 0").split()[1])
            timed = {f"r:{field}", f"r:{queue}:*"} & timers.keys()
            if not parked or not (running[field] or timed or field in pending):
                wrong.append(f"{field} is parked: {parked} counted, nobody comes for it")
    return wrong


def _wrong_timers(seen: Snapshot) -> list[str]:
    """Who holds tasks has a lease; what waits for its end has a timer that is not too late."""
    timers = seen.zsets.get("timers", {})
    wrong = [
        f"{worker} holds tasks without a lease"
        for worker, held in _held(seen).items()
        if held and f"w:{worker}" not in timers
    ]
    alive = {member[2:] for member in timers if member.startswith("w:")}
    shared = seen.hashes.get("queues", {})
    if int(shared.get("*:w", 0)) != len(alive):
        wrong.append(f"{shared.get('*:w')} workers are counted, {sorted(alive)} live")
    wrong += [
        f"{name} is remembered of a worker that is gone"
        for name, text in shared.items()
        if name.startswith("*:+") and text and name[3:] not in alive
    ]
    for letter, band in BANDS.items():
        scores = seen.zsets.get("done", {}).values()
        first = min((score % BAND_SPAN for score in scores if band_of(score) == band), default=None)
        timer = timers.get(f"d:{letter}")
        if first is not None and (timer is None or timer > first):
            wrong.append(f"{letter} is trimmed too late: timer {timer}, first {first}")
    return wrong


def _wrong_groups(seen: Snapshot, records: dict[str, dict[str, str]]) -> list[str]:
    """Dead tasks stand in the group of their error, and nothing else does."""
    expected: dict[str, set[str]] = defaultdict(set)
    for task_id, record in records.items():
        if record["letter"] == "D" and record["group"]:
            expected[record["group"]].add(task_id)
    stored: dict[str, set[str]] = defaultdict(set)
    for member in seen.zsets.get("groups", {}):
        group, _, task_id = member.rpartition(":")
        stored[group].add(task_id)
    wrong = [f"groups: {dict(stored)}, really {dict(expected)}"] * (stored != expected)
    listed = {member.removeprefix("group:") for member in seen.zsets.get("done", {})}
    return wrong + [f"group {name} is not listed in done" for name in sorted(set(stored) - listed)]
