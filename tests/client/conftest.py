"""Both clients, in front of the API behind a real socket and the embedded server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import redis

from shared.client import AsyncClient, Client, Retries
from tests.support.http_api import HttpApi
from tests.support.server import Server

ClientFactory = Callable[..., Any]


class Awaited:
    """An `AsyncClient` that is used like a `Client`, on a loop of its own."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **named: Any) -> Any:
            result = method(*args, **named)
            return (
                self._items(result) if inspect.isasyncgen(result) else self._loop.run_until_complete(result)
            )

        return call

    def _items(self, items: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._loop.run_until_complete(anext(items))
                except StopAsyncIteration:
                    return
        finally:
            self._loop.run_until_complete(items.aclose())

    def shut(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


class Losing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends requests; the answers of the first `lost` are thrown away after they came.

    Attributes:
        sent: methods, paths and bodies of all requests.
    """

    def __init__(self, lost: int, error: type[httpx.TransportError] = httpx.ReadError) -> None:
        self.lost = lost
        self.error = error
        self.sent: list[tuple[str, str, bytes]] = []
        self._sync, self._async = httpx.HTTPTransport(), httpx.AsyncHTTPTransport()

    def _lose(self, request: httpx.Request) -> None:
        self.sent.append((request.method, request.url.path, request.content))
        if len(self.sent) <= self.lost:
            raise self.error("the answer was lost", request=request)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._sync.handle_request(request)
        response.read()
        self._lose(request)
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._async.handle_async_request(request)
        await response.aread()
        self._lose(request)
        return response

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        await self._async.aclose()


@pytest.fixture
def http_api(store: redis.Redis, server: Server) -> Iterator[HttpApi]:
    """The API, without keys."""
    running = HttpApi(redis_url=server.url)
    yield running
    running.stop()


@pytest.fixture(params=["sync", "async"])
def make_client(request: pytest.FixtureRequest) -> Iterator[ClientFactory]:
    """Makes clients of one kind; an httpx transport may be given."""
    made: list[Callable[[], None]] = []

    def factory(url: str, *, transport: Any = None, **options: Any) -> Any:
        options = {"retries": Retries(initial_s=0.0), **options}
        if request.param == "sync":
            if transport is not None:
                http = httpx.Client(base_url=url, transport=transport)
                made.append(http.close)
                options["http"] = http
            client: Any = Client(url, **options)
            made.append(client.close)
            return client
        if transport is not None:
            options["http"] = async_http = httpx.AsyncClient(base_url=url, transport=transport)
        awaited = Awaited(AsyncClient(url, **options))
        if transport is not None:
            made.append(lambda: awaited._loop.run_until_complete(async_http.aclose()))
        made.insert(0, awaited.shut)
        return awaited

    yield factory
    for close in reversed(made):
        close()


@pytest.fixture
def client(make_client: ClientFactory, http_api: HttpApi) -> Any:
    """One client of the API."""
    return make_client(http_api.url)
