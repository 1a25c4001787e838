"""The judge finds what it is there to find, and only that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.effects import FILE, Run, note, read_runs
from tests.chaos.judge import History, judge, render
from tests.chaos.load import Attempted

LEASE_S = 2.0
ID = "0" * 27


def record(letter: str = "C", attempt: int = 1, free: int = 0) -> str:
    return f"{letter}{attempt} {free} 0 w 1 1 2\n1 5 default work 3 i=x\n{{}}\nr{{}}"


def clean() -> History:
    """One task that was submitted, ran once and completed."""
    return History(
        LEASE_S,
        attempted={ID: Attempted(ID, "work", acknowledged_at=0.5)},
        records={ID: record()},
        runs=[Run(ID, 1, 10, 1.0, 1.5, "done")],
        renewals={(10, "0"): [0.9], (20, "0"): [1.0]},
        endings=Counter({"default:C": 1}),
    )


def words(history: History) -> list[str]:
    return [line.split(":")[0] for line in judge(history).violations]


def test_a_clean_history_is_clean():
    verdict = judge(clean())
    assert verdict.violations == []
    assert verdict.sizes["ok"] == 1
    assert verdict.runs_per_task == {1: 1}
    assert "violations" in render(verdict, Counter({"kill": 1}), 5, {"fact": "1"})


def test_acknowledged_without_a_record_is_lost():
    history = clean()
    history.records, history.runs, history.endings = {}, [], Counter()
    assert words(history) == ["lost"]


def test_acknowledged_and_not_ended_is_lost():
    history = clean()
    history.records, history.endings = {ID: record("P")}, Counter()
    assert words(history) == ["lost"]


def test_what_the_store_may_lose_is_no_violation():
    history = clean()
    history.records, history.runs, history.endings = {}, [], Counter()
    history.losing = [(0.0, 1.0)]
    verdict = judge(history)
    assert verdict.violations == []
    assert verdict.sizes["excusably lost"] == 1


def test_never_acknowledged_and_gone_is_not_lost():
    history = clean()
    history.attempted = {ID: Attempted(ID, "work", is_unknown=True)}
    history.records, history.runs, history.endings = {}, [], Counter()
    assert words(history) == []


def test_never_acknowledged_and_done_is_recovered():
    history = clean()
    history.attempted = {ID: Attempted(ID, "work", is_unknown=True)}
    assert judge(history).sizes["recovered"] == 1


def test_what_nobody_submitted_is_unexpected():
    history = clean()
    history.attempted = {}
    assert words(history) == ["unexpected"]


def overlapping(began_s: float) -> History:
    """A second worker starts the task while the first runs, whose lease was renewed at 0.9."""
    history = clean()
    history.runs = [Run(ID, 1, 10, 1.0, 9.0, "done"), Run(ID, 2, 20, began_s, began_s + 0.1, "done")]
    history.records = {ID: record(attempt=2)}
    return history


def test_an_overlap_within_the_lease_is_found():
    [line] = judge(overlapping(2.0)).violations
    assert line.startswith("overlap:")
    assert "1.10 s before" in line


def test_an_overlap_after_the_lease_is_no_violation():
    verdict = judge(overlapping(3.0))
    assert verdict.violations == []
    assert verdict.excused_overlaps == 1
    assert verdict.sizes["duplicated"] == 1


def test_a_clock_that_jumped_ahead_excuses_an_overlap_one_that_went_back_does_not():
    history = overlapping(2.0)
    history.clock_steps = [(1.5, -3.0)]
    assert words(history) == ["overlap"]
    history.clock_steps = [(1.5, 3.0)]
    assert words(history) == []


def test_a_killed_run_ends_with_its_process():
    history = overlapping(2.0)
    history.runs[0].ended_at, history.deaths = None, {10: 1.9}
    verdict = judge(history)
    assert verdict.violations == []
    assert verdict.worst_recovery_s == pytest.approx(0.1)


def test_a_change_after_the_end_is_found():
    history = clean()
    history.changed = [(0.5, "it became something else")]
    assert words(history) == ["changed after its end"]
    history.losing = [(0.0, 1.0)]
    assert words(history) == []


def test_an_ending_told_twice_is_found():
    history = clean()
    history.endings["default:C"] = 2
    assert words(history) == ["events"]


@pytest.mark.parametrize(
    ("text", "word"),
    [(record("D"), "ending"), (record("C", attempt=2), "result"), (record("C", 0, 0), "starts")],
)
def test_a_record_that_handlers_contradict_is_found(text: str, word: str):
    history = clean()
    history.records = {ID: text}
    history.endings = Counter({f"default:{text[0]}": 1})
    assert word in words(history)


def test_disorder_and_standstill_are_found():
    history = clean()
    history.disorder, history.unmoved = ["in two places"], ["does not come"]
    assert words(history) == ["disorder", "no progress"]


def test_effects_are_read_as_they_were_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FILE, str(tmp_path / "effects"))
    note("start", ID, 1)
    note("start", ID, 2)
    note("cancelled", ID, 1)
    first, second = read_runs(tmp_path / "effects")
    assert (first.ending, second.ending, second.ended_at) == ("cancelled", "", None)
    assert first.started_at <= first.ended_at


def crowd(count: int, limit: int) -> History:
    """So many tasks of one limit key that run at once, all on workers with a lease."""
    history = clean()
    history.attempted, history.records, history.runs = {}, {}, []
    history.limits = {"default": 10, "default:k": limit}
    history.endings = Counter({"default:C": count})
    for n in range(count):
        task_id = f"{n:027d}"
        history.attempted[task_id] = Attempted(task_id, "limited", 0.5, queue="default", limit_key="k")
        history.records[task_id] = record()
        history.runs.append(Run(task_id, 1, (10, 20)[n % 2], 1.0 + n / 10, 1.9, "done"))
    return history


def test_as_many_as_a_limit_allows_are_no_violation():
    verdict = judge(crowd(3, 3))
    assert (verdict.violations, verdict.fullest) == ([], {"default": 3, "default:k": 3})
    assert "default:k" in render(verdict, Counter(), 5, {})


def test_one_more_than_a_limit_allows_is_found():
    assert words(crowd(4, 3)) == ["limit"]
    history = crowd(4, 3)
    history.limits = {"default": 3}
    assert words(history) == ["limit"]


@pytest.mark.parametrize("reason", ["ended", "died", "without a lease", "clock"])
def test_what_holds_no_place_under_a_limit_is_not_counted(reason):
    history = crowd(4, 3)
    if reason == "ended":
        history.runs[0].ended_at = 1.25
    elif reason == "died":
        history.runs[0].ended_at, history.deaths = None, {10: 1.25}
        history.runs[2].ended_at = None
    elif reason == "without a lease":
        history.renewals = {(10, "0"): [-1.0], (20, "0"): [1.0]}
    else:
        history.clock_steps = [(1.1, 5.0)]
    assert judge(history).violations == []
