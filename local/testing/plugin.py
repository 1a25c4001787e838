"""The pytest plugin: fixtures `queue` and `clock`, option `dtq_handlers`. Imports what it needs when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local.testing.clock import Clock
    from local.testing.queue import QueueUnderTest
    from local.testing.server import EmbeddedServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """The modules that register the application's handlers."""
    parser.addini("dtq_handlers", "modules that register task handlers, for the fixture queue", type="args")


@pytest.fixture(scope="session")
def dtq_server() -> Iterator[EmbeddedServer]:
    """The embedded server of this session."""
    from local.testing.server import EmbeddedServer

    server = EmbeddedServer()
    yield server
    server.stop()


@pytest.fixture
def clock() -> Clock:
    """What the fixture `queue` takes for the time; `clock.advance(hours=1)` moves it."""
    from local.testing.clock import Clock

    return Clock()


@pytest.fixture
def queue(
    dtq_server: EmbeddedServer, clock: Clock, request: pytest.FixtureRequest
) -> Iterator[QueueUnderTest]:
    """The real queue, empty; `await queue.drain()` runs what was submitted."""
    import importlib

    from local.testing.queue import QueueUnderTest

    for name in request.config.getini("dtq_handlers"):
        importlib.import_module(name)
    made = QueueUnderTest(str(dtq_server.socket), clock)
    yield made
    made.close()
