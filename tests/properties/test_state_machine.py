"""Whatever producers, operators and workers do, in whatever order: the engine agrees with a small model.

The histories are the same in each run. `STATE_MACHINE_EXAMPLES` sets their number; `make soak` tries many more.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.state_machine import QueueMachine

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "60"))
STEPS = 50


def explore(server_url: str, examples: int, change: Callable[[str], str] = str) -> None:
    """Try so many histories; `change` is made to the scripts. The first that disagrees is shown as it is."""

    class Machine(QueueMachine):
        url = server_url

    Machine.change = staticmethod(change)  # type: ignore[method-assign]  # a plain function
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_engine_agrees_with_the_model(store, server):
    explore(server.url, EXAMPLES)
