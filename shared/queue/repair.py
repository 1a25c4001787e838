"""The audit: finds and repairs records and indexes that disagree, in bounded slices.

They agree as long as Redis keeps what it acknowledged. A failover of a server that replicates later may
bring back each key at another age; then the records are the truth and everything else is rebuilt
from them: what stands in no index is put back, what stands in an index without cause is dropped,
counts are taken again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from shared.keys import Keys
from shared.models import instant
from shared.queue.base import QueueBase, together

#: Keys that one SCAN looks at; records and names that one script gets.
SCAN_COUNT = 500
RECORDS = 250
NAMES = 100
COUNTS = 300
#: Slices after which the state is kept, so that another goes on when this caller dies.
KEEP_EVERY = 20
_INDEXES = ("pending:", "parked:")
_REST = ("p:", "o:", "unique:", "job:")
_SINGLE_INDEXES = ("timers", "done", "groups")
_SINGLE_REST = ("done", "schedules")
_COUNTED = ("done", "timers")
#: Statuses that no index counts by queue: they are summed up.
_SUMMED = "RSYCDX"
#: In a namespace of several shards: seconds for which one that is through is left alone.
SETTLED_S = 30.0
#: Limit keys whose running tasks one audit sums up.
MOST_KEYS = 10_000


class AuditReport(NamedTuple):
    """What a call of `audit` did.

    Attributes:
        answer: `done`: it is through; `more`: it goes on from here with the next call; `busy`: another
            caller is at it; `fresh`: the last one ended lately.
        repaired: by kind, how many.
        unsettled: counts by queue that could not be taken because they were changing; the next audit will.
    """

    answer: str
    repaired: dict[str, int]
    unsettled: int = 0


class AuditTotals(NamedTuple):
    """What audits did so far.

    Attributes:
        finished_at: when the last one ended, in the shard that waits longest; None when none did.
        is_under_way: whether one is begun and not through.
        repaired: by kind, how many, since the namespace began.
    """

    finished_at: Any
    is_under_way: bool
    repaired: dict[str, int]


@dataclass
class _State:
    """Where an audit is; kept as JSON between calls.

    Attributes:
        stage: scan, queues, keys, count, settle, done.
        cursor: of SCAN.
        todo: indexes that were met and are gone through: name and rank.
        names: queues that were met and not yet counted.
        parts: indexes that are to be summed up, with the place in the first.
        since: newest event before the sum, `before` the counts then, `sums` what was found.
    """

    stage: str = "scan"
    cursor: str = "0"
    todo: list[tuple[str, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    place: tuple[str, str] = ("", "")
    since: str = ""
    before: dict[str, str] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)


class Repair(QueueBase):
    """Operations that repair."""

    async def audit(
        self, *, may_go_on: Callable[[], bool], every_s: float = 0, pause_s: float = 0
    ) -> AuditReport:
        """Go through everything that is stored, a slice at a time, while `may_go_on` says so.

        Begins where the last call ended, whoever made it. At least one slice is done. A slice is a few
        calls over at most 500 keys; all of it takes about 100 Redis calls per 1,000 tasks.

        Args:
            may_go_on: asked before each slice but the first.
            every_s: do nothing when the last audit ended less than so many seconds ago.
            pause_s: between two slices.
        """
        if len(self.shards) > 1:
            # One that is through must not begin again while the others are not.
            every_s = max(every_s, SETTLED_S)
        reports: list[AuditReport] = []
        for keys in self.shards:
            if any(report.answer in ("more", "done") for report in reports) and not may_go_on():
                reports.append(AuditReport("more", {}))
                break
            reports.append(await self._audit_shard(keys, may_go_on, every_s, pause_s))
        answers = {report.answer for report in reports}
        answer = next(one for one in ("more", "busy", "done", "fresh") if one in answers)
        repaired: Counter[str] = Counter()
        for report in reports:
            repaired.update(report.repaired)
        return AuditReport(answer, dict(repaired), sum(report.unsettled for report in reports))

    async def _audit_shard(
        self, keys: Keys, may_go_on: Callable[[], bool], every_s: float, pause_s: float
    ) -> AuditReport:
        runner = secrets.token_hex(8)
        reply = await self._run(
            "audit_begin", repairs=keys.repairs, every_ms=str(int(every_s * 1000)), runner=runner
        )
        answer, kept = reply[2:4]
        if answer in ("busy", "fresh"):
            return AuditReport(answer, {})
        if answer != "go":
            raise ValueError(f"no answer of audit_begin: {answer!r}")
        state = _read_state(kept)
        found: Counter[str] = Counter()
        slices = 0
        while state.stage != "done":
            found.update(await self._slice(keys, state))
            slices += 1
            if not may_go_on():
                break
            if slices % KEEP_EVERY == 0:
                await self._keep(keys, state, runner, goes_on=True)
            if pause_s:
                await asyncio.sleep(pause_s)
        await self._keep(keys, state, runner, goes_on=False)
        unsettled = found.pop("unsettled", 0)
        return AuditReport("done" if state.stage == "done" else "more", dict(found), unsettled)

    async def audit_totals(self) -> AuditTotals:
        """What audits did so far; one Redis call a shard."""
        stored = await together(self._repairs_in(keys) for keys in self.shards)
        ends = [float(fields["finished"]) for fields in stored if "finished" in fields]
        repaired: Counter[str] = Counter()
        for fields in stored:
            repaired.update({name[2:]: int(value) for name, value in fields.items() if name[:2] == "n:"})
        return AuditTotals(
            instant(min(ends)) if len(ends) == len(stored) else None,
            any("state" in fields for fields in stored),
            dict(sorted(repaired.items())),
        )

    async def _repairs_in(self, keys: Keys) -> dict[str, str]:
        flat = await self.transport.command("HGETALL", keys.repairs)
        self.calls += 1
        return dict(flat) if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))

    async def _keep(self, keys: Keys, state: _State, runner: str, *, goes_on: bool) -> None:
        text = "" if state.stage == "done" else json.dumps(asdict(state))
        await self._run(
            "audit_note",
            repairs=keys.repairs,
            runner=runner,
            state=text,
            goes_on="1" if goes_on else "0",
        )

    async def _slice(self, keys: Keys, state: _State) -> Counter[str]:
        if state.todo:
            return await self._go_through(keys, state)
        if state.stage == "scan":
            return await self._scan(keys, state)
        if state.stage == "queues":
            return await self._count_queues(keys, state)
        if state.stage == "keys":
            return await self._limit_keys(keys, state)
        if state.stage == "count":
            return await self._sum_up(keys, state)
        return await self._settle(keys, state)

    async def _scan(self, keys: Keys, state: _State) -> Counter[str]:
        """The next keys: records and small things are looked at, indexes are put on the list."""
        cursor, stored = await self.transport.command(
            "SCAN", state.cursor, "MATCH", f"{_escaped(keys.prefix)}*", "COUNT", str(SCAN_COUNT)
        )
        self.calls += 1
        state.cursor = str(cursor)
        names = sorted({key.removeprefix(keys.prefix) for key in stored})
        found: Counter[str] = Counter()
        for part in _parts([name[2:] for name in names if name.startswith("t:")], RECORDS):
            found.update(await self._check_records(keys, part))
        rest = [name for name in names if name.startswith(_REST) or name in _SINGLE_REST]
        for part in _parts(rest, NAMES):
            found.update(await self._check_rest(keys, part))
        state.names = sorted({*state.names, *(name[8:] for name in names if name.startswith("pending:"))})
        state.todo += [(name, 0) for name in names if name.startswith(_INDEXES) or name in _SINGLE_INDEXES]
        if state.cursor == "0":
            state.stage = "queues"
            fields = await self._counts(keys)
            state.names = sorted({*state.names, *(name.rpartition(":")[0] for name in fields)} - {"*"})
            for worker in _holders(fields):
                found.update(await self._check_rest(keys, [f"run:{worker}"]))
        return found

    async def _check_records(self, keys: Keys, ids: Sequence[str]) -> Counter[str]:
        reply = await self._run(
            "audit_records",
            repairs=keys.repairs,
            queues=keys.queues,
            timers=keys.timers,
            wakes=keys.wakes,
            events=keys.events,
            record=[keys.task(task_id) for task_id in ids],
            prefix=keys.prefix,
            retention_ms=self.options.retention_text,
        )
        return _kinds(reply[2])

    async def _check_rest(self, keys: Keys, names: Sequence[str]) -> Counter[str]:
        reply = await self._run(
            "audit_rest",
            repairs=keys.repairs,
            queues=keys.queues,
            timers=keys.timers,
            wakes=keys.wakes,
            prefix=keys.prefix,
            item=names,
        )
        return _kinds(reply[2])

    async def _go_through(self, keys: Keys, state: _State) -> Counter[str]:
        name, rank = state.todo[0]
        reply = await self._run(
            "audit_index",
            repairs=keys.repairs,
            queues=keys.queues,
            timers=keys.timers,
            wakes=keys.wakes,
            index=keys.prefix + name,
            prefix=keys.prefix,
            **{"from": str(rank)},
        )
        following: int = reply[3]
        state.todo[:1] = [(name, following)] if following >= 0 else []
        return _kinds(reply[2])

    async def _count_queues(self, keys: Keys, state: _State) -> Counter[str]:
        """Counts that one script can take; then the beginning of those that are summed up."""
        found: Counter[str] = Counter()
        for name in state.names[:10]:
            reply = await self._run(
                "audit_queue",
                repairs=keys.repairs,
                queues=keys.queues,
                wakes=keys.wakes,
                pending=keys.pending(name),
                prefix=keys.prefix,
                name=name,
            )
            found.update(_kinds(reply[2]))
        del state.names[:10]
        if not state.names:
            newest = await self.transport.command("XREVRANGE", keys.events, "+", "-", "COUNT", "1")
            self.calls += 1
            state.since = newest[0][0] if newest else ""
            fields = await self._counts(keys)
            state.before = {name: text for name, text in fields.items() if name[:2] != "*:"}
            state.parts = [*_COUNTED, *(f"run:{worker}" for worker in _holders(fields))]
            state.stage, state.cursor = "keys", "0"
        return found

    async def _limit_keys(self, keys: Keys, state: _State) -> Counter[str]:
        """What is counted of limit keys before their running tasks are summed up."""
        cursor, flat = await self.transport.command(
            "HSCAN", keys.limits, state.cursor, "COUNT", str(SCAN_COUNT)
        )
        self.calls += 1
        fields = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        state.before |= {f"!{name}": value for name, value in fields.items() if "!" not in name}
        state.cursor = str(cursor)
        if state.cursor == "0" or len(state.before) > MOST_KEYS:
            state.stage = "count"
        return Counter()

    async def _sum_up(self, keys: Keys, state: _State) -> Counter[str]:
        score, member = state.place
        is_worker, part = state.parts[0].startswith("run:"), state.parts[0]
        reply = await self._run(
            "audit_count",
            index=keys.timers if is_worker else keys.prefix + part,
            queues=keys.queues,
            prefix=keys.prefix,
            worker=part.removeprefix("run:") if is_worker else "",
            score=score,
            member=member,
        )
        _, _, flat, score, member, is_end = reply
        for name, number in _kinds(flat).items():
            state.sums[name] = state.sums.get(name, 0) + number
        state.place = ("", "") if is_end else (score, member)
        if is_end:
            del state.parts[0]
        if not state.parts:
            state.stage = "settle"
        return Counter()

    async def _settle(self, keys: Keys, state: _State) -> Counter[str]:
        names = {
            name
            for name in state.before
            if name[0] == "!" or (name[-2:-1] == ":" and name[-1] in _SUMMED and name[0] != "*")
        }
        found = await self._count_workers(keys)
        for part in _parts(sorted(names | state.sums.keys()), COUNTS):
            items: list[str] = []
            for name in part:
                items += (name, state.before.get(name, "0"), str(state.sums.get(name, 0)))
            reply = await self._run(
                "audit_settle",
                repairs=keys.repairs,
                queues=keys.queues,
                limits=keys.limits,
                timers=keys.timers,
                events=keys.events,
                wakes=keys.wakes,
                prefix=keys.prefix,
                since=state.since,
                item=items,
            )
            found.update(_kinds(reply[2]))
            found["unsettled"] += int(reply[3])
        state.stage = "done"
        return found

    async def _count_workers(self, keys: Keys) -> Counter[str]:
        reply = await self._run(
            "audit_workers",
            repairs=keys.repairs,
            queues=keys.queues,
            workers=keys.workers,
            timers=keys.timers,
        )
        return _kinds(reply[2])

    async def _counts(self, keys: Keys) -> dict[str, str]:
        flat = await self.transport.command("HGETALL", keys.queues)
        self.calls += 1
        return dict(flat) if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))


def _read_state(text: str) -> _State:
    """What was kept; an audit whose state cannot be read (any more) begins anew."""
    try:
        return _State(**json.loads(text)) if text else _State()
    except (ValueError, TypeError):
        return _State()


def _kinds(flat: Sequence[Any]) -> Counter[str]:
    """Numbers by name from `name, number, …`."""
    return Counter({flat[i]: int(flat[i + 1]) for i in range(0, len(flat), 2)})


def _parts(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _holders(fields: dict[str, str]) -> list[str]:
    """The workers that remember what they hold, by the fields of the counts; also those that have left with tasks."""
    return sorted({name[3:] for name in fields if name[:3] in ("*:+", "*:=")})


def _escaped(text: str) -> str:
    """For SCAN's pattern, where brackets, stars, question marks and backslashes mean something."""
    return "".join(f"\\{c}" if c in "*?[]\\^" else c for c in text)
