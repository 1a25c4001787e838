"""A client that asks an application over ASGI, and raw requests that no client would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

import httpx
from fastapi import FastAPI

MAIL = {"task_type": "email", "payload": {"to": "ada@example.org"}}
DAILY = {"cron": "0 9 * * *", "zone": "Europe/Berlin", "task": MAIL}


def body_of(path: str) -> object:
    """A good body for a route that is asked by POST, PUT or PATCH."""
    if path.endswith("/batch"):
        return {"tasks": [MAIL]}
    if path in ("/api/tasks/cancel", "/api/dead-letters/requeue", "/api/dead-letters/delete"):
        return {"all": True}
    if path.endswith(
        (
            "/pause",
            "/resume",
            "/drain",
            "/requeue",
            "/run-now",
            "/run",
            "/tick",
            "/purge",
            "/cancel",
            "/repair",
        )
    ):
        return {}
    if "/limits" in path:
        return {"concurrency": 5}
    if path.endswith("/preview"):
        return {"interval_seconds": 60}
    if "/schedules/" in path:
        return DAILY
    return {"priority": 9} if "/tasks/" in path else MAIL


class Client(httpx.AsyncClient):
    """Asks `app` as a peer of this machine unless told otherwise."""

    def __init__(
        self, app: FastAPI, *, peer: str = "127.0.0.1", host: str = "localhost:8000", key: str | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.app = app
        transport = httpx.ASGITransport(app, client=(peer, 50_000))
        super().__init__(transport=transport, base_url=f"http://{host}", headers=headers)

    async def submit(self, **fields: Any) -> httpx.Response:
        """POST one e-mail with more fields."""
        return await self.post("/api/tasks", json={**MAIL, **fields})

    async def send_text(self, text: str | bytes, path: str = "/api/tasks", **headers: str) -> httpx.Response:
        """POST a body as it is."""
        content = text if isinstance(text, bytes) else text.encode()
        return await self.post(path, content=content, headers={"Content-Type": "application/json", **headers})

    async def send_put(self, path: str, text: str) -> httpx.Response:
        """PUT a body as it is."""
        return await self.put(path, content=text.encode(), headers={"Content-Type": "application/json"})


def is_problem(response: httpx.Response, status: int, field: str | None = None) -> bool:
    """Assert that an answer is a complete problem document; True, so that it can be asserted itself."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["type"].startswith("/api/problems/")
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    if field is not None:
        assert body["field"] == field
        assert body["rule"]
        assert body["fix"]
    return True


class Refusing:
    """A transport that must not be reached."""

    async def run(self, *_: Any) -> Any:
        raise AssertionError("a refused request reached Redis")

    command = wait = run

    async def close(self) -> None:
        return None


class RawAnswer:
    """What an application sent to a raw request."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = dict(messages[0]["headers"])
        self.body = b"".join(message.get("body", b"") for message in messages[1:])

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask_raw(
    app: FastAPI,
    method: str,
    path: str,
    *,
    query: bytes = b"",
    headers: Sequence[tuple[bytes, bytes]] = (),
    chunks: Iterable[bytes] = (),
    client: tuple[str, int] | None = ("127.0.0.1", 50_000),
) -> RawAnswer:
    """Ask as a server would that checks nothing."""
    parts = list(chunks)
    inbox = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
        for index, part in enumerate(parts)
    ] or [{"type": "http.request", "body": b"", "more_body": False}]
    outbox: list[dict[str, Any]] = []
    given = {name for name, _ in headers}
    hosts = [] if b"host" in given else [(b"host", b"localhost:8000")]

    async def receive() -> dict[str, Any]:
        if not inbox:
            await asyncio.Event().wait()  # the client stays
        return inbox.pop(0)

    async def send(message: Any) -> None:
        outbox.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "root_path": "",
        "query_string": query,
        "headers": [*hosts, *headers],
        "client": client,
        "server": ("localhost", 8000),
    }
    await app(scope, receive, send)
    return RawAnswer(outbox)
