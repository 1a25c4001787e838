"""The verdict over a chaos run, by the sets of Jepsen's checker of queues and by what leases promise."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from tests.chaos.effects import Run
from tests.chaos.load import Attempted
from tests.support.invariants import RECORD

#: What is left of a lease after a call that renews it: it does so when a third has passed.
SURE_PART = 2 / 3
#: Between the moments at which a call is passed on and noted, and a handler starts and notes it.
SLACK_S = 0.05


@dataclass
class History:
    """Everything that is known about a run when it is over.

    Attributes:
        attempted: all submissions by task id.
        records: the stored text of every task.
        runs: what handlers noted.
        deaths: when processes were seen to be gone.
        renewals: by process and shard (as in an id), when calls were passed on that renewed its lease, rising.
        clock_steps: when the server's clock jumped, and by how much.
        changed: tasks that changed after they had ended, and when that end had been seen.
        endings: what events counted, by queue and status.
        disorder: what is wrong in the store as a whole.
        unmoved: what did not happen in time after the faults had stopped.
        losing: intervals whose acknowledged writes the server lost.
        limits: how many may run at once, by queue and by `<queue>:<limit key>`.
    """

    lease_s: float
    attempted: dict[str, Attempted] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    deaths: dict[int, float] = field(default_factory=dict)
    renewals: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    clock_steps: list[tuple[float, float]] = field(default_factory=list)
    changed: list[tuple[float, str]] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    disorder: list[str] = field(default_factory=list)
    unmoved: list[str] = field(default_factory=list)
    losing: list[tuple[float, float]] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)


@dataclass
class Verdict:
    """Sizes of the sets, what else was measured, and every violation in words.

    Attributes:
        fullest: most runs at once that were seen of each limited queue and key.
    """

    sizes: dict[str, int]
    runs_per_task: dict[int, int]
    worst_recovery_s: float
    excused_overlaps: int
    violations: list[str]
    fullest: dict[str, int] = field(default_factory=dict)


def judge(history: History) -> Verdict:
    """Hold a history against what is promised."""
    by_task: dict[str, list[Run]] = defaultdict(list)
    for run in history.runs:
        by_task[run.task_id].append(run)
    acknowledged = {i for i, one in history.attempted.items() if one.acknowledged_at is not None}
    ended = {i for i, text in history.records.items() if text[0] in "CDX"}
    may_be_lost = {i for i in acknowledged if _was_lost_with_the_store(history, i)}
    lost = acknowledged - ended - may_be_lost
    unexpected = (set(by_task) | set(history.records)) - set(history.attempted)
    done = {i: sum(run.ending == "done" for run in runs) for i, runs in by_task.items()}
    overlaps, excused = _overlaps(history, by_task)
    over_limits, fullest = _over_limits(history)
    sizes = {
        "attempted": len(history.attempted),
        "acknowledged": len(acknowledged),
        "ok": len(acknowledged & ended),
        "lost": len(lost),
        "unexpected": len(unexpected),
        "duplicated": sum(count > 1 for count in done.values()),
        "recovered": sum(one.is_unknown and i in ended for i, one in history.attempted.items()),
        "excusably lost": len((acknowledged & may_be_lost) - ended),
    }
    violations = [f"lost: {i} ({history.attempted[i].kind}), {_where(history, i)}" for i in sorted(lost)]
    violations += [f"unexpected: {i}" for i in sorted(unexpected)]
    violations += [
        f"changed after its end: {line}" for at, line in history.changed if not _is_in_doubt(history, at)
    ]
    violations += overlaps + over_limits + _wrong_endings(history, by_task) + _wrong_event_counts(history)
    violations += [f"disorder: {line}" for line in history.disorder]
    violations += [f"no progress: {line}" for line in history.unmoved]
    histogram = Counter(len(runs) for runs in by_task.values())
    return Verdict(
        sizes,
        dict(sorted(histogram.items())),
        _worst_recovery(history, by_task),
        excused,
        violations,
        fullest,
    )


def _where(history: History, task_id: str) -> str:
    text = history.records.get(task_id)
    return "no record" if text is None else f"record {text[:80]!r}"


def _was_lost_with_the_store(history: History, task_id: str) -> bool:
    at = history.attempted[task_id].acknowledged_at
    return at is not None and _is_in_doubt(history, at)


def _is_in_doubt(history: History, at: float) -> bool:
    """Whether what the server said at that time may have been lost when it was killed."""
    return any(begin <= at <= end for begin, end in history.losing)


def _overlaps(history: History, by_task: dict[str, list[Run]]) -> tuple[list[str], int]:
    """Runs of a task that began while another ran whose worker still held its lease."""
    found, excused = [], 0
    for task_id, runs in by_task.items():
        for i, earlier in enumerate(runs):
            end = _end_of(history, earlier)
            for later in runs[i + 1 :]:
                if later.started_at >= end:
                    continue
                held_s = _held_for(history, earlier, later.started_at)
                if held_s is None or _is_excused(history, earlier, later):
                    excused += 1
                else:
                    found.append(
                        f"overlap: {task_id} ran as attempt {earlier.attempt} in {earlier.pid} and, "
                        f"{later.started_at - earlier.started_at:.2f} s later, as attempt {later.attempt} in "
                        f"{later.pid}; the lease had been renewed {held_s:.2f} s before"
                    )
    return found, excused


def _over_limits(history: History) -> tuple[list[str], dict[str, int]]:
    """Starts that were one too many, counting what ran whose worker still held its lease; and the most of each."""
    by_group: dict[str, list[Run]] = defaultdict(list)
    for run in history.runs:
        attempted = history.attempted.get(run.task_id)
        for group in attempted.groups if attempted else ():
            if group in history.limits:
                by_group[group].append(run)
    found, fullest = [], dict.fromkeys(history.limits, 0)
    for group, runs in by_group.items():
        for i, later in enumerate(runs):
            others = [
                run
                for run in runs[:i]
                if later.started_at < _end_of(history, run)
                and _held_for(history, run, later.started_at) is not None
                and not _is_excused(history, run, later)
            ]
            fullest[group] = max(fullest[group], len(others) + 1)
            if len(others) >= history.limits[group]:
                names = ", ".join(f"{run.task_id} in {run.pid}" for run in others)
                found.append(
                    f"limit: {later.task_id} started in {later.pid} beside {names}; "
                    f"of {group} {history.limits[group]} may run at once"
                )
    return found, fullest


def _end_of(history: History, run: Run) -> float:
    if run.ended_at is not None:
        return run.ended_at
    return history.deaths.get(run.pid, float("inf"))


def _held_for(history: History, run: Run, at: float) -> float | None:
    """Seconds since the last renewal of the worker of `run`, when its lease cannot have expired at `at`."""
    renewals = history.renewals.get((run.pid, run.task_id[0]), [])
    index = bisect_right(renewals, at)
    if index == 0:
        return None
    age = at - renewals[index - 1]
    return age if age < history.lease_s * SURE_PART - SLACK_S else None


def _is_excused(history: History, earlier: Run, later: Run) -> bool:
    """Whether the clock jumped forward, or the server forgot, while the earlier one ran."""
    since = earlier.started_at - history.lease_s
    jumped = any(since <= at <= later.started_at and step > 0 for at, step in history.clock_steps)
    forgot = any(since <= end and begin <= later.started_at for begin, end in history.losing)
    return jumped or forgot


def _wrong_endings(history: History, by_task: dict[str, list[Run]]) -> list[str]:
    """Records that say something else than what was asked for, or than what handlers did."""
    wrong = []
    for task_id, text in history.records.items():
        attempted = history.attempted.get(task_id)
        record = RECORD.fullmatch(text)
        if attempted is None or record is None or text[0] not in "CDX":
            continue
        runs = by_task.get(task_id, [])
        if text[0] not in attempted.endings:
            wrong.append(f"ending: {task_id} ({attempted.kind}) ended as {text[:80]!r}")
        starts = int(record["attempt"]) + int(record["free"])
        if len(runs) > starts and not history.losing:
            wrong.append(f"starts: {task_id} ran {len(runs)} times, its record knows of {starts}")
        if text[0] == "C" and not any(
            run.ending == "done" and run.attempt == int(record["attempt"]) for run in runs
        ):
            wrong.append(f"result: {task_id} completed in attempt {record['attempt']}, which did not finish")
    return wrong


def _wrong_event_counts(history: History) -> list[str]:
    """Each ending is told exactly once."""
    if history.losing:
        return []
    stored: Counter[str] = Counter()
    for text in history.records.values():
        queue = re.match(r"[^\n]*\n\d+ \d+ (\S+)", text)
        if text[0] in "CDX" and queue:
            stored[f"{queue[1]}:{text[0]}"] += 1
    names = sorted(set(stored) | set(history.endings))
    return [
        f"events: {history.endings[name]} endings told as {name}, {stored[name]} stored"
        for name in names
        if history.endings[name] != stored[name]
    ]


def _worst_recovery(history: History, by_task: dict[str, list[Run]]) -> float:
    """The longest time from the death of a process to the next start of what it ran."""
    worst = 0.0
    for runs in by_task.values():
        for run, following in pairwise(runs):
            if run.ended_at is None and run.pid in history.deaths:
                worst = max(worst, following.started_at - history.deaths[run.pid])
    return worst


def render(verdict: Verdict, faults: Counter[str], seed: int, facts: dict[str, str]) -> str:
    """The report as text."""
    lines = [f"seed {seed}"]
    lines += [f"  {name:<24} {value}" for name, value in facts.items()]
    lines.append(
        "faults  " + (", ".join(f"{name} {count}" for name, count in sorted(faults.items())) or "none")
    )
    lines.append("sets")
    lines += [f"  {name:<24} {size}" for name, size in verdict.sizes.items()]
    lines.append("runs per task")
    lines += [f"  {runs:<24} {count}" for runs, count in verdict.runs_per_task.items()]
    if verdict.fullest:
        lines.append("most at once under a limit")
        lines += [f"  {group:<24} {count}" for group, count in sorted(verdict.fullest.items())]
    lines.append(f"worst recovery after the death of a worker  {verdict.worst_recovery_s:.2f} s")
    lines.append(f"overlaps after the lease was over           {verdict.excused_overlaps}")
    lines.append(f"violations                                  {len(verdict.violations)}")
    lines += [f"  {line}" for line in verdict.violations[:40]]
    return "\n".join(lines)
