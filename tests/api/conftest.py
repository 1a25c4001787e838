"""An application in this process, asked over ASGI, in front of the embedded server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from shared.queue import QueueOptions, TaskQueue
from shared.settings import TcpTarget
from shared.transports.tcp import TcpTransport
from tests.api.support import Client
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.queues import NAMESPACE
from tests.support.server import Server

AppFactory = Callable[..., FastAPI]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ApiSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def make_app(store: redis.Redis, server: Server) -> AsyncIterator[AppFactory]:
    """Makes applications over TCP unless told where Redis is; settings by name."""
    made: list[FastAPI] = []

    def factory(**settings: Any) -> FastAPI:
        where = {} if "upstash_redis_rest_url" in settings else {"redis_url": server.url}
        made.append(create_app(ApiSettings(**{"dtq_namespace": NAMESPACE, **where, **settings})))
        return made[-1]

    yield factory
    for app in made:
        await app.state.runtime.close()


@pytest.fixture(params=["tcp", "rest"])
async def api(request: pytest.FixtureRequest, make_app: AppFactory) -> AsyncIterator[Client]:
    """A client of an API without keys, over either transport."""
    settings = {}
    if request.param == "rest":
        gateway: GatewayProcess = request.getfixturevalue("gateway")
        settings = {"upstash_redis_rest_url": gateway.url, "upstash_redis_rest_token": TOKEN}
    async with Client(make_app(**settings)) as client:
        yield client


@pytest.fixture
async def tcp_api(make_app: AppFactory) -> AsyncIterator[Client]:
    """A client of an API without keys, over TCP, for what no transport changes."""
    async with Client(make_app()) as client:
        yield client


@pytest.fixture
async def engine(store: redis.Redis, server: Server) -> AsyncIterator[TaskQueue]:
    """The engine beside the API: what a worker does."""
    transport = TcpTransport(TcpTarget(server.url))
    yield TaskQueue(transport, QueueOptions(namespace=NAMESPACE))
    await transport.close()
