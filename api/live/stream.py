"""Server-sent events: news of a viewer as text, comments as keep-alive, an end before the platform's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.live.shaping import EventFilter, shaped
from api.live.viewer import News, Reset, Signal, Viewer, behind
from api.wire import to_json
from shared.errors import StoreError

#: A comment at least so often: proxies close connections that say nothing.
KEEP_ALIVE_S = 15.0
#: After how long a browser connects again, ms.
RETRY_MS = 1_000
#: Before a viewer that catches up asks a Redis again that did not answer.
_PATIENCE_S = 2.0
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


class EventStream(Response):
    """The answer to `GET /api/events`.

    An event without a name is a change. `ready` comes first and has the cursor; `reset` says that events may
    have been missed; `away` and `back` tell of Redis. Every one has an id to resume from.

    Args:
        viewer: open; closed at the end, whoever ends it.
        wanted: what is shown.
        length_s: the stream ends by itself then, and the client resumes.
    """

    media_type = "text/event-stream"

    def __init__(self, viewer: Viewer, wanted: EventFilter, length_s: float) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._viewer = viewer
        self._wanted = wanted
        self._length_s = length_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the time is over, the client leaves, or the server stops."""
        sending = asyncio.ensure_future(self._send_all(send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            done, _ = await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._viewer.close()
            for task in (sending, leaving):
                task.cancel()
            await asyncio.wait({sending, leaving})
        if sending in done:
            sending.result()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for text in self._texts():
            await send({"type": "http.response.body", "body": text, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _texts(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._length_s
        told = self._viewer.cursor
        yield b"retry: %d\n\n" % RETRY_MS + _text(told, to_json({"cursor": told}), "ready")
        while (left_s := ends_at - clock()) > 0:
            try:
                news = await self._viewer.batch(min(KEEP_ALIVE_S, left_s))
            except StoreError as error:
                yield _text(told, to_json({"detail": error.detail}), "away")
                await asyncio.sleep(min(_PATIENCE_S, left_s))
                continue
            if news is None:
                return
            shown = b"".join(self._shown(told, news))
            if self._viewer.cursor != told or shown:
                told = self._viewer.cursor
                # What was filtered out moves the cursor, too: an id alone is taken without an event.
                yield shown + b"id: %s\n\n" % told.encode()
            else:
                yield b":\n\n"

    def _shown(self, cursor: str, news: Sequence[News]) -> list[bytes]:
        texts = []
        for one in news:
            cursor = behind(cursor, [one])
            if isinstance(one, Signal):
                texts.append(_text(None, to_json({"detail": one.detail}), one.name))
            elif isinstance(one, Reset):
                texts.append(_text(cursor, to_json({"cursor": cursor}), "reset"))
            elif (value := shaped(one, self._wanted, cursor)) is not None:
                texts.append(_text(cursor, to_json(value)))
        return texts


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _text(event_id: str | None, data: bytes, name: str = "") -> bytes:
    """One event; JSON has no line breaks."""
    head = b"id: %s\n" % event_id.encode() if event_id else b""
    return head + (b"event: %s\n" % name.encode() if name else b"") + b"data: %s\n\n" % data
