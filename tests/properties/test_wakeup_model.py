"""Nobody sleeps while work waits: every reachable state of a small model is looked at, and every rule is needed."""

from __future__ import annotations

import pytest

from tests.properties.wakeup_model import (
    LONG_DELAY,
    RULES,
    SPARE_RULES,
    Model,
    Scenario,
    TaskKind,
    WorkerKind,
    search,
)

BOTH = WorkerKind(1, "ab", "xy")
SCENARIOS = {
    "two queues, two versions": Scenario(
        (WorkerKind(1, "ab", "x"), WorkerKind(1, "ba", "xy")),
        (TaskKind("a", "y"), TaskKind("b", "x"), TaskKind("b", "y")),
        crashes=1,
    ),
    "crashes": Scenario((BOTH, BOTH, BOTH), (TaskKind("a", "x"), TaskKind("b", "x")), crashes=2),
    "a half-open connection among three": Scenario(
        (BOTH, BOTH, BOTH), (TaskKind("a", "x", 1),), crashes=2, half_open=1
    ),
    "a half-open connection and a crash": Scenario(
        (BOTH, BOTH), (TaskKind("a", "x"), TaskKind("b", "x", 1)), crashes=1, half_open=1
    ),
    "delays and retries": Scenario(
        (BOTH, BOTH),
        (TaskKind("a", "x", LONG_DELAY), TaskKind("a", "x", fails_once=True)),
        crashes=1,
        lost_replies=1,
    ),
    "claims in slices": Scenario(
        (WorkerKind(4, "a", "x"),), tuple(TaskKind("a", "x") for _ in range(4)), lost_replies=2
    ),
    "unknown types in slices": Scenario(
        (WorkerKind(3, "a", "x"), WorkerKind(1, "a", "y")),
        (TaskKind("a", "y"), TaskKind("a", "y"), TaskKind("a", "x")),
        crashes=1,
        half_open=1,
    ),
    "a pool": Scenario((BOTH, BOTH), (TaskKind("a", "x"), TaskKind("b", "x", 1)), crashes=2, is_pool=True),
    "a pool whose parent goes deaf": Scenario(
        (BOTH, BOTH), (TaskKind("a", "x"), TaskKind("b", "x", 1)), crashes=1, half_open=1, is_pool=True
    ),
    "a pool that loses replies": Scenario(
        (BOTH, BOTH), (TaskKind("a", "x", fails_once=True),), half_open=1, lost_replies=1, is_pool=True
    ),
    "a paused queue": Scenario(
        (WorkerKind(1, "ab", "x"), WorkerKind(1, "b", "x")),
        (TaskKind("b", "x"), TaskKind("b", "x", 1), TaskKind("a", "x")),
        crashes=1,
        paused="b",
    ),
    "a full queue": Scenario(
        (WorkerKind(1, "ba", "x"), WorkerKind(1, "a", "x")),
        (TaskKind("a", "x"), TaskKind("a", "x"), TaskKind("b", "x")),
        crashes=1,
        full_at_one="a",
    ),
    "a limit key that refills": Scenario(
        (WorkerKind(1, "a", "x"), WorkerKind(1, "a", "x")),
        (TaskKind("a", "x"), TaskKind("a", "x"), TaskKind("a", "x")),
        crashes=1,
        keyed="a",
    ),
    "a hand-off among two": Scenario(
        (BOTH, BOTH), (TaskKind("a", "x"), TaskKind("b", "x")), crashes=1, half_open=1, hands_over=True
    ),
    "a hand-off beside other work": Scenario(
        (WorkerKind(2, "ab", "x"),),
        (TaskKind("a", "x"), TaskKind("b", "x", 1), TaskKind("a", "x", fails_once=True)),
        lost_replies=1,
        hands_over=True,
    ),
    "a hand-off in a pool": Scenario(
        (BOTH, BOTH),
        (TaskKind("a", "x"),),
        half_open=1,
        is_pool=True,
        hands_over=True,
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_sleeps_while_work_waits(name: str):
    found = search(Model(SCENARIOS[name]))
    print(f"{name}: {found.states} states")
    assert found.why is None, f"{found.why}, after: {', '.join(found.way)}"


#: where each rule is missed soonest
MISSED_IN = {
    "promotion wakes": "unknown types in slices",
    "submission wakes": "crashes",
    "delay wakes": "delays and retries",
    "retry wakes": "delays and retries",
    "lease wakes": "crashes",
    "no lease hides": "two queues, two versions",
    "read by all": "crashes",
    "cursor of the script": "two queues, two versions",
    "maintenance tells": "two queues, two versions",
    "earlier alarm stays": "two queues, two versions",
    "asked again": "delays and retries",
    "resume wakes": "a paused queue",
    "release wakes": "a full queue",
    "refill wakes": "a limit key that refills",
    "refill again": "a limit key that refills",
    "more": "claims in slices",
    "exchange first": "a half-open connection and a crash",
    "reports are answered": "a pool",
    "hand-off tells its lease": "a hand-off among two",
    "hand-off is returned": "a hand-off beside other work",
    "hand-off is kept": "a hand-off beside other work",
}


def test_every_rule_has_a_place():
    assert set(MISSED_IN) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_without_this_rule_work_is_stranded(rule: str):
    found = search(Model(SCENARIOS[MISSED_IN[rule]], frozenset({rule})))
    assert found.why is not None, f"the search does not miss the rule {rule!r}: {RULES[rule]}"
    print(f"without {rule!r}: {found.why}, after: {', '.join(found.way)}")


def test_parking_wakes_although_a_worker_that_knows_the_type_would_come():
    [rule] = SPARE_RULES
    assert search(Model(SCENARIOS["two queues, two versions"], frozenset({rule}))).why is None


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("read by all", "a pool"),
        ("cursor of the script", "a pool whose parent goes deaf"),
        ("exchange first", "a pool whose parent goes deaf"),
        ("reports are answered", "a pool whose parent goes deaf"),
    ],
)
def test_a_pool_needs_these_rules_too(rule: str, name: str):
    assert search(Model(SCENARIOS[name], frozenset({rule}))).why is not None
