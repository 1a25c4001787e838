"""Faults between a client and Redis: replies that are lost, servers that answer what we say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self


class CuttingProxy:
    """Forwards to a server; `cut` replies are swallowed and their connection is closed after the command ran."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.cut = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            ends.append(far_writer)
            there = asyncio.create_task(_copy(reader, far_writer, lambda: True))
            back = asyncio.create_task(_copy(far_reader, writer, self._may_pass))
            self._tasks |= {there, back}
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.close()
        await asyncio.gather(there, back, return_exceptions=True)

    def _may_pass(self) -> bool:
        if self.cut:
            self.cut -= 1
            return False
        return True


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: Callable[[], bool]
) -> None:
    while data := await reader.read(65_536):
        if not may_pass():
            return
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def answering(*replies: bytes | None) -> AsyncIterator[str]:
    """A server that answers each call with the next of `replies`, the last again and again; None is silence."""
    left = list(replies)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65_536):
                reply = left.pop(0) if len(left) > 1 else left[0]
                if reply is not None:
                    writer.write(reply)
                    await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()
