"""`python -m tests.benchmarks [NAME …] [--peers] [--quick] [--json FILE] [--document FILE]`: figures and ratios.

Without names all run but `limits`, `mixed`, `rates` and `scale`, most of which take minutes. Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from statistics import median

from shared.scripts.build import complaint
from tests.benchmarks import (
    drain,
    enqueue,
    floors,
    latency,
    limits,
    memory,
    mixed,
    rates,
    report,
    scale,
    starts,
)
from tests.benchmarks.measure import REPORT, measure_less, scaled, show
from tests.benchmarks.peers import runner

QUICK = 10
ROUNDS = 5


def main(arguments: list[str] | None = None) -> int:
    """Run what is named; write what is asked for."""
    if stale := complaint():
        sys.exit(stale)
    runs = {
        "floors": floors.run,
        "drain": drain.run,
        "enqueue": enqueue.run,
        "latency": latency.run,
        "memory": memory.run,
        "starts": starts.run,
        "prices": _prices,
        "idle": _idle,
        "limits": limits.run,
        "mixed": mixed.run,
        "rates": rates.run,
        "scale": scale.run,
    }
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(runs)}, none")
    parser.add_argument("--peers", nargs="?", const="all", metavar="A,B", help="other queues beside ours")
    parser.add_argument(
        "--quick", nargs="?", const=QUICK, type=int, default=1, help="amounts divided by 10, or N"
    )
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--document", type=Path, help="whose tables and charts are made anew")
    options = parser.parse_args(arguments)
    chosen = options.names or [name for name in runs if name not in ("limits", "mixed", "rates", "scale")]
    unknown = [name for name in chosen if name not in {*runs, "none"}]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(runs)}, none")
    measure_less(options.quick)
    for name in chosen:
        if name != "none":
            runs[name]()
    peers = _peers(options.peers) if options.peers else {}
    run = report.collect(peers, is_quick=options.quick > 1)
    if options.json:
        report.write(run, options.json)
    if options.document:
        report.update_document(run, options.document)
    return 0


def _peers(names: str) -> dict[str, dict[str, object]]:
    """Rounds over all, so that a busy minute of the machine meets everybody; medians of each figure."""
    wanted = None if names == "all" else set(names.split(","))
    every = [one for one in runner.pinned() if wanted is None or re.split("[=@]", one[0])[0] in wanted]
    peers = [runner.ours(), *map(runner.install, every)]
    is_full = scaled(QUICK) == QUICK
    plan = runner.Plan(max(1000, scaled(3_000)), max(20, scaled(300)), is_full=is_full)
    drains: dict[str, list[dict[str, float]]] = {peer.name: [] for peer in peers}
    for _ in range(ROUNDS if is_full else 1):
        for peer in peers:
            drains[peer.name].append(runner.drained(peer, plan.drain * runner.FASTER.get(peer.name, 1)))
    idle = runner.idle_calls(peers[1:], plan)
    # A short look at our own would miss what it does each five minutes.
    idle["dtq"] = max(_idle_calls()) * 6.0
    made: dict[str, dict[str, object]] = {}
    for peer in peers:
        results = drains[peer.name]
        figures = {key: median(one[key] for one in results) for key in results[0]}
        figures |= runner.spaced(peer, plan.spaced, plan.settle_s)
        figures["idle_calls_per_hour"] = idle[peer.name]
        show(f"{peer.name} {peer.version}", dict(figures))
        made[peer.name] = {"version": peer.version, **figures}
    # They have a table of their own.
    for peer in peers:
        REPORT.pop(f"{peer.name} {peer.version}")
    return made


def _pytest(*arguments: str) -> str:
    """What tests print."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:randomly", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=report.ROOT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stdout[-2000:]}{done.stderr[-500:]}")
    return done.stdout


def _prices() -> None:
    """Redis calls per operation, inner ones included, as the tests measure them."""
    rows = re.findall(
        r"\| ([^|]+) \| ([\d.e-]+) \| budget ([\d.e-]+) \|", _pytest("tests/shared/test_prices.py")
    )
    show("Redis calls (the most that a test allows)", {name: f"{cost} ({most})" for name, cost, most in rows})


def _idle_calls() -> list[int]:
    name = "test_ten_idle_minutes_cost_at_most_15_calls"
    out = _pytest("tests/worker_host/test_idle.py", "-k", name)
    return [int(one) for one in re.findall(r"ten idle minutes from \d+ s on: (\d+) calls", out)]


def _idle() -> None:
    """By a clock that is moved: ten minutes from three moments on."""
    show(
        "Idle worker host, Redis calls an hour",
        {"the most of three ten minutes, times six": max(_idle_calls()) * 6},
    )


if __name__ == "__main__":
    sys.exit(main())
