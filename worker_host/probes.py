"""Health, readiness and metrics over HTTP, from a thread: they answer while the loop is blocked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog

from worker_host.metrics import Metrics

log = structlog.get_logger()

#: What a probe learns: whether all is well, and the facts.
Health = Callable[[], tuple[bool, dict[str, Any]]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # the base class's name
        """Probes come every few seconds; their lines help nobody."""


class Probes:
    """A small HTTP server on the health port.

    Args:
        host: address to bind.
        port: 0 binds nothing.
        health: the worker's state.
        metrics: what `/metrics` shows.
    """

    def __init__(self, host: str, port: int, health: Health, metrics: Metrics) -> None:
        self._address = (host, port)
        self._health = health
        self._metrics = metrics
        self._server: WSGIServer | None = None

    def start(self) -> None:
        """Serve from a thread; a port that is taken is a warning, not the end."""
        host, port = self._address
        if port == 0:
            return
        try:
            self._server = make_server(host, port, self._serve, server_class=_Server, handler_class=_Silent)
        except OSError as error:
            log.warning(
                "the health port is taken; there is no health endpoint", port=port, message=str(error)
            )
            return
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()
        log.info("health endpoint", address=f"http://{host}:{port}/health")

    def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            start_response("200 OK", [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")])
            return [self._metrics.text()]
        if path not in ("/", "/health", "/ready"):
            start_response("404 Not Found", [("Content-Type", "application/json")])
            return [b'{"detail":"there are /health, /ready and /metrics"}']
        is_well, facts = self._health()
        start_response(
            "200 OK" if is_well else "503 Service Unavailable", [("Content-Type", "application/json")]
        )
        return [json.dumps({"status": "ok" if is_well else "unhealthy", **facts}).encode()]
