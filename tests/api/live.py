"""An application behind a real server on a free port, and a client of its event stream."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import uvicorn
from fastapi import FastAPI

from local.server import ApiServer
from tests.support.waiting import wait_until


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serve it; the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = ApiServer(app)
    running = asyncio.create_task(_serve(server, listener))
    await wait_until(lambda: server.started or running.done(), describe="the server to listen")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Without uvicorn's signal handlers, which are the test runner's."""
    await server._serve([listener])


class Sent(NamedTuple):
    """One server-sent event; `data` is None where only an id came."""

    name: str
    id: str | None
    data: Any


class EventSource:
    """Reads a stream as a browser does: remembers the last id, comments aside.

    Attributes:
        last_id: what a reconnect sends.
        comments: how many came.
    """

    def __init__(self, client: httpx.AsyncClient, query: str = "", last_id: str | None = None) -> None:
        self._client = client
        self._query = query
        self.last_id = last_id
        self.comments = 0
        self.headers: httpx.Headers | None = None

    async def connect(self) -> AsyncIterator[Sent]:
        """Events until the stream ends."""
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        async with self._client.stream("GET", f"/api/events{self._query}", headers=headers) as answer:
            self.headers = answer.headers
            if answer.status_code != 200:
                await answer.aread()
                raise AssertionError(f"{answer.status_code}: {answer.text}")
            name, data, event_id = "", None, None
            async for line in answer.aiter_lines():
                field, _, value = line.partition(": ")
                if line == "":
                    self.last_id = event_id or self.last_id
                    if data is not None:
                        yield Sent(name or "message", event_id, json.loads(data))
                    name, data, event_id = "", None, None
                elif line.startswith(":"):
                    self.comments += 1
                elif field == "event":
                    name = value
                elif field == "id":
                    event_id = value
                elif field == "data":
                    data = value

    async def take(self, count: int) -> list[Sent]:
        """The next changes and resets, then leave."""
        taken: list[Sent] = []
        stream = self.connect()
        try:
            async for one in stream:
                if one.name in ("message", "reset"):
                    taken.append(one)
                if len(taken) == count:
                    break
        finally:
            await stream.aclose()
        return taken
