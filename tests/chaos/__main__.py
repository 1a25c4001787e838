"""`python -m tests.chaos`: real processes, real faults, one verdict."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from pathlib import Path

from shared.scripts.build import complaint
from tests.chaos.cluster import CLUSTER_KINDS, ClusterRun
from tests.chaos.deployment import faketime_library
from tests.chaos.faults import KINDS
from tests.chaos.load import KINDS as TASK_KINDS
from tests.chaos.run import Options, Run, play


def parse(arguments: list[str]) -> tuple[Options, Path | None]:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long faults happen (default: 60)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--tasks", type=int, help="how many are submitted (default: 20 a second)")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--appendfsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--faults", default=",".join(KINDS), help=f"of {','.join(KINDS)}; none for no faults")
    parser.add_argument("--only", default=",".join(TASK_KINDS), help=f"tasks of {','.join(TASK_KINDS)}")
    parser.add_argument("--logs", type=Path, help="folder for the logs of the workers")
    parser.add_argument("--cluster", action="store_true", help="on a Redis Cluster, in four shards")
    given = parser.parse_args(arguments)
    if given.cluster and given.faults == ",".join(KINDS):
        given.faults = ",".join(CLUSTER_KINDS)
    faults = [] if given.faults == "none" else given.faults.split(",")
    unknown = set(faults) - set(CLUSTER_KINDS if given.cluster else KINDS)
    if unknown:
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    kinds = given.only.split(",")
    if set(kinds) - set(TASK_KINDS):
        parser.error(f"unknown kinds of tasks: {', '.join(sorted(set(kinds) - set(TASK_KINDS)))}")
    tasks = given.tasks or int(given.seconds * 20)
    return Options(
        given.seconds,
        given.seed,
        tasks,
        given.workers,
        given.appendfsync,
        without_missing(faults),
        is_cluster=given.cluster,
        kinds={kind: TASK_KINDS[kind] for kind in kinds},
    ), given.logs


def without_missing(faults: list[str]) -> list[str]:
    """The faults that this machine can do; says which it cannot."""
    if "clock" in faults and faketime_library() is None:
        print("left out: clock (libfaketime is not installed; Debian's package is faketime)")
        return [kind for kind in faults if kind != "clock"]
    return faults


def main() -> int:
    if stale := complaint():
        sys.exit(stale)
    options, logs = parse(sys.argv[1:])
    print(f"seed {options.seed}, {options.seconds:g} s, {options.tasks} tasks, {options.workers} workers")
    result = asyncio.run(play(options, ClusterRun if options.is_cluster else Run))
    print(result.report)
    if logs:
        logs.mkdir(parents=True, exist_ok=True)
        for number, text in result.logs.items():
            (logs / f"worker-{number}.log").write_text(text)
    return 1 if result.verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
