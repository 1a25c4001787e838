"""The API inside this process, for a synchronous client."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx

#: Who asks: the API serves it without a key.
PEER = ("127.0.0.1", 50_000)
BASE_URL = "http://localhost"


class SyncAsgiTransport(httpx.BaseTransport):
    """Asks an application on an event loop of its own, in a thread, so that a caller may block.

    Args:
        app: an ASGI application.
    """

    def __init__(self, app: Any) -> None:
        self._app = httpx.ASGITransport(app, client=PEER)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dtq-api", daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The application's answer, read to its end."""
        return asyncio.run_coroutine_threadsafe(self._ask(request), self._loop).result()

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        content = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)

    def close(self) -> None:
        """End the thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
