"""A feed whose next event is sent when the test says so, and a client that takes bytes as they come."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Cache-Control: no-cache, no-transform\r\n\r\n"
)


class Feed:
    """An upstream of one feed, without `X-Accel-Buffering`: the proxy must not buffer by itself.

    Attributes:
        requests: heads of the requests that came.
        is_left: set when the client's side was closed.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.is_left = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(HEAD)
            await writer.drain()
            self._writer = writer
            await reader.read(1)  # nothing more comes; this ends when the proxy closes
            self.is_left.set()
        finally:
            writer.close()

    async def send(self, text: str) -> None:
        assert self._writer is not None
        data = f"data: {text}\n\n".encode()
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def end(self) -> None:
        assert self._writer is not None
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()


@asynccontextmanager
async def feed() -> AsyncIterator[tuple[Feed, int]]:
    """A feed, and its port."""
    upstream = Feed()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    try:
        yield upstream, server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Viewer:
    """A browser's view of a feed: accepts gzip, and reads whatever has arrived."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._raw = b""

    @classmethod
    async def of(cls, port: int, path: str, headers: Mapping[str, str] | None = None) -> Viewer:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = {
            "Host": "localhost",
            "Accept": "text/event-stream",
            "Accept-Encoding": "gzip, deflate",
            **(headers or {}),
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        return cls(reader, writer)

    async def sees(self, text: str, within_s: float = 10) -> bool:
        """Whether `text` arrives while nothing else is sent."""
        try:
            async with asyncio.timeout(within_s):
                while text.encode() not in self._text():
                    data = await self._reader.read(65_536)
                    if not data:
                        return False
                    self._raw += data
        except TimeoutError:
            return False
        return True

    @property
    def head(self) -> str:
        """Status line and headers, in lower case; empty until they have arrived."""
        head, end, _ = self._raw.partition(b"\r\n\r\n")
        return head.decode().lower() if end else ""

    def _text(self) -> bytes:
        """What has arrived, unpacked as far as it goes."""
        body = _unchunked(self._raw.partition(b"\r\n\r\n")[2])
        if "content-encoding: gzip" not in self.head:
            return body
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body)

    def close(self) -> None:
        self._writer.close()


def _unchunked(raw: bytes) -> bytes:
    body = b""
    while b"\r\n" in raw:
        size, _, rest = raw.partition(b"\r\n")
        length = int(size, 16)
        if length == 0 or len(rest) < length:
            break
        body, raw = body + rest[:length], rest[length + 2 :]
    return body
