"""The state machine finds bugs that are put into the scripts: three in the suite, all ten in `make soak`."""

from __future__ import annotations

import pytest

from shared.scripts import script
from shared.scripts.build import names
from tests.properties.mutations import IN_SUITE, MUTATIONS, change_of
from tests.properties.test_state_machine import explore

EXAMPLES = 400
"""At most; each bug is found sooner."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in IN_SUITE else pytest.mark.soak) for name in MUTATIONS]
)
def test_a_bug_is_found(name: str, store, server):
    change = change_of(MUTATIONS[name])
    assert any(change(script(one).body) != script(one).body for one in names()), "no script has the bug"
    try:
        explore(server.url, EXAMPLES, change)
    except (
        BaseException
    ) as error:  # an assertion, or an error of the script: both say that something is wrong
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        print(f"{name}: found by {type(error).__name__}: {str(error).splitlines()[0][:200]}")
    else:
        pytest.fail(f"{EXAMPLES} histories agree with the model although {name}")
    finally:
        store.flushall()
