"""What the embedded server says is passed on, but for advice on the host that concerns nobody here."""

from __future__ import annotations

import pytest

from local.embedded import is_advice

START = "11444:M 28 Nov 2026 19:52:54.624 # WARNING"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{START} Memory overcommit must be enabled! Without it, a background save may fail.", True),
        (f"{START} The TCP backlog setting of 511 cannot be enforced because somaxconn is set to 128.", True),
        (f"{START} You have Transparent Huge Pages (THP) support enabled in your kernel.", True),
        (f"{START} You requested maxclients of 10000 requiring at least 10032 max file descriptors.", False),
        ("11444:M 28 Nov 2026 19:52:54.624 # Can't open the append-only file: Permission denied", False),
        ("a task says: Memory overcommit must be enabled", False),
    ],
)
def test_advice_is_left_out_and_faults_are_not(line: str, expected: bool) -> None:
    assert is_advice(line) is expected
