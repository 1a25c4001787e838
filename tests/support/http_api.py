"""The API behind a real socket, in a thread of this process."""

from __future__ import annotations

import threading
import time
from typing import Any

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from tests.support.queues import NAMESPACE
from tests.support.server import free_port


class HttpApi:
    """An application served by uvicorn until `stop`.

    Args:
        settings: of the API, by name.
    """

    def __init__(self, app: FastAPI | None = None, **settings: Any) -> None:
        # Its lines would mix with what the tests' own process prints.
        quiet = {"dtq_namespace": NAMESPACE, "log_requests": False}
        self.app = app or create_app(ApiSettings(**{**quiet, **settings}))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the API did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the thread; connections that are open are closed."""
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()
