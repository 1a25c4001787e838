"""For the tests of applications: the real queue on an embedded server, with a clock that can be moved.

Installed with the extra `testing`, pytest finds the fixtures `queue` and `clock` by itself; see
docs/TESTING_YOUR_TASKS.md. Nothing outside this package may import it: it is the one place where
time is anything but the server's.
"""

from __future__ import annotations

from local.testing.clock import Clock
from local.testing.queue import QueueUnderTest

__all__ = ["Clock", "QueueUnderTest"]
