"""SUBSCRIBE, PSUBSCRIBE and MONITOR as server-sent events."""

import asyncio
import re

import hiredis

from local.gateway.errors import RequestRefused
from local.gateway.pool import RedisPool
from local.gateway.redis_link import PushConnection, Reply
from local.gateway.requests import Receive, Send
from local.gateway.rules import Command

#: What ends a line in an event stream, by its specification.
_LINE_ENDS = re.compile(r"\r\n|\r|\n")

_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


class EventStreams:
    """The open streams of a gateway."""

    def __init__(self, pool: RedisPool) -> None:
        self._pool = pool
        self._open: set[PushConnection] = set()

    async def run(
        self, command: Command, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """Answer one request with a stream that lasts until either side leaves.

        The status waits for Redis' first word, so that a client learns of a dead database by the status.
        """
        link, first = await self._pool.listen(command)
        self._open.add(link)
        watcher = asyncio.create_task(_end_with_client(receive, link))
        try:
            if isinstance(first, hiredis.ReplyError):
                raise RequestRefused(str(first))
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS + headers})
            await _send_event(first, send)
            async for push in link:
                await _send_event(push, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            watcher.cancel()
            self._open.discard(link)
            link.abort()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        for link in self._open:
            link.abort()


async def _end_with_client(receive: Receive, link: PushConnection) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    link.abort()


async def _send_event(push: Reply, send: Send) -> None:
    await send({"type": "http.response.body", "body": event(push), "more_body": True})


def event(push: Reply) -> bytes:
    """Render one push: a subscription's parts joined by commas, a line of MONITOR as it is.

    A message of several lines becomes several `data:` lines, as the specification has it, so it cannot forge another.
    """
    if isinstance(push, list):
        text = ",".join("" if part is None else str(part) for part in push)
    else:
        text = '"OK"' if push == "OK" else str(push)
    return "".join(f"data: {line}\n" for line in _LINE_ENDS.split(text)).encode() + b"\n"
