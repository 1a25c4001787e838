"""One minute of chaos; CHAOS_SEED repeats a run, CHAOS_SECONDS shortens it. Longer: `python -m tests.chaos`."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random

import pytest

from tests.chaos.__main__ import parse
from tests.chaos.cluster import ClusterRun
from tests.chaos.deployment import WorkerSlot
from tests.chaos.faults import KINDS, plan
from tests.chaos.load import KEY_LIMIT
from tests.chaos.proxy import Proxy
from tests.chaos.run import Run, play, without_late_trims


@pytest.mark.chaos
@pytest.mark.timeout(600)  # each part of a run has a shorter bound and says what goes on
async def test_nothing_is_lost_and_nothing_is_doubled():
    seed = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(1_000_000))
    seconds = os.environ.get("CHAOS_SECONDS", "45")
    print(f"CHAOS_SEED={seed}")
    options, _ = parse(["--seed", seed, "--seconds", seconds])
    result = await play(options)
    print(result.report)
    assert not result.verdict.violations, result.report


@pytest.mark.cluster
@pytest.mark.timeout(180)
async def test_nothing_is_lost_and_nothing_is_doubled_on_a_cluster():
    """Four shards on three masters, which die and come back; slots move while they are in use."""
    seed = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(1_000_000))
    seconds = os.environ.get("CHAOS_SECONDS", "20")
    print(f"CHAOS_SEED={seed}")
    options, _ = parse(["--cluster", "--seed", seed, "--seconds", seconds])
    result = await play(options, ClusterRun)
    print(result.report)
    assert not result.verdict.violations, result.report


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_limits_hold_while_workers_are_killed():
    """Four processes, two limit keys and a limited queue: what runs at once is known from outside Redis."""
    options, _ = parse(["--seconds", "7", "--tasks", "260", "--faults", "kill"])
    options = dataclasses.replace(options, kinds={"limited": 8, "work": 1, "long": 1, "in turn": 1})
    result = await play(options)
    print(result.report)
    assert not result.verdict.violations, result.report
    assert max(result.verdict.fullest[name] for name in ("first:a", "first:b")) == KEY_LIMIT, result.report


async def test_a_part_that_hangs_ends_the_run_with_a_picture(tmp_path):
    options, _ = parse(["--seed", "5", "--faults", "none"])
    run = Run(options, tmp_path)
    proxy = await Proxy(1).start()
    run.slots.append(WorkerSlot(0, proxy, run.effects, []))
    with pytest.raises(AssertionError, match=r"not within 0\.01 s: a part") as raised:
        async with run._bounded("a part", 0.01):
            await asyncio.Event().wait()
    assert "seed 5" in str(raised.value)
    assert "worker 0: dead, 0 connections" in str(raised.value)
    await run.slots[0].close()
    await proxy.stop()
    await run.store.close()


def test_a_seed_stands_for_its_faults():
    first, again = (plan(7, 60, list(KINDS), 4) for _ in range(2))
    assert first == again
    assert first != plan(8, 60, list(KINDS), 4)
    assert {fault.kind for fault in plan(7, 600, list(KINDS), 4)} == set(KINDS)
    assert all(fault.at_s + fault.seconds <= 60 for fault in first)
    assert plan(7, 60, [], 4) == []


def test_only_what_the_clock_explains_may_be_trimmed_late():
    line = "C is trimmed too late: timer 5000.0, first 4000.0"
    assert without_late_trims([line], []) == [line]
    assert without_late_trims([line], [(0.0, -0.5)]) == [line]
    assert without_late_trims([line, "other"], [(0.0, -2.0), (1.0, 2.0)]) == ["other"]
