"""A TCP proxy that does to a connection what networks do: cuts, delays, black holes, lost replies.

It reads enough of the protocol to note when a call that renews a lease was passed on and answered:
the judge must know until when a worker could rely on its lease.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from shared.ids import ALPHABET
from shared.scripts import script

_RST = struct.pack("ii", 1, 0)
_CHUNK = 65_536


def _marks(name: str) -> tuple[bytes, bytes]:
    """What a request of that script begins with: by its hash, or by the length of its body."""
    program = script(name)
    return program.sha.encode(), b"EVAL\r\n$%d\r\n" % len(program.body.encode())


_RENEWING = {name: _marks(name) for name in ("exchange", "renew")}
_SCRIPT_CALL = re.compile(rb"^\*\d+\r\n\$\d+\r\nEVAL")
_RENEWED = {
    "exchange": re.compile(rb"^\*\d+\r\n:\d+\r\n:\d+\r\n\$2\r\nok\r\n"),
    "renew": re.compile(rb"^\*3\r\n:\d+\r\n:\d+\r\n:[1-9]"),
}


#: The shard of a key, and a worker's name, which ends with the process and six characters.
_SHARD = re.compile(rb"\{[^}]*:(\d+)\}:")
_WORKER = re.compile(rb"\r\n\S*-(\d+)-[0-9a-f]{6}\r\n")


def _lease_of(head: bytes) -> tuple[int, str]:
    """Process and shard of the lease that a call is about; (0, "") for none."""
    shard, worker = _SHARD.search(head), _WORKER.search(head)
    return (int(worker[1]), ALPHABET[int(shard[1])]) if shard and worker else (0, "")


@dataclass(eq=False)
class _Link:
    """One connection through the proxy and the calls on it that are not answered yet.

    A call is known by its script, whose lease it renews, and when it was passed on.
    """

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    calls: deque[tuple[str, tuple[int, str], float]] = field(default_factory=deque)
    is_silent: bool = False

    def reset(self) -> None:
        """End both sides by RST."""
        for writer in (self.near, self.far):
            if writer is not None:
                sock = writer.get_extra_info("socket")
                if sock is not None and sock.fileno() >= 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
                writer.transport.abort()


class Proxy:
    """Stands between one client and the server.

    Attributes:
        renewals: monotonic times at which calls were passed on that renewed a worker's lease, by its process
            and shard (as in an id).
        delay_s: added to each piece of data, both ways.
        replies_to_drop: so many replies of scripts are swallowed and their connection reset.
        is_holding_scripts: calls of scripts go nowhere, everything else passes; `scripts_held` counts them.
        is_black_hole: data of all connections goes nowhere, new ones are accepted and starve.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay_s = 0.0
        self.replies_to_drop = 0
        self.replies_dropped = 0
        self.is_black_hole = False
        self.is_holding_scripts = False
        self.scripts_held = 0
        self.renewals: dict[tuple[int, str], list[float]] = {}

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __repr__(self) -> str:
        return (
            f"{len(self._links)} connections, delay {self.delay_s:g} s, {self.replies_to_drop} replies to drop, "
            f"black hole {self.is_black_hole}"
        )

    async def start(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset all connections."""
        for link in list(self._links):
            link.reset()

    def silence(self) -> None:
        """Half-open: what is connected now hears and says nothing any more; new connections work."""
        for link in self._links:
            link.is_silent = True

    def heal(self) -> None:
        """No more faults; what was silent is reset, as a network that comes back would."""
        self.delay_s, self.replies_to_drop = 0.0, 0
        self.is_black_hole = self.is_holding_scripts = False
        for link in list(self._links):
            if link.is_silent:
                link.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = _Link(writer, is_silent=self.is_black_hole)
        self._links.add(link)
        try:
            await self._serve(link, reader)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._links.discard(link)
            self._tasks.discard(task)
            for end in (writer, link.far):
                if end is not None:
                    end.close()

    async def _serve(self, link: _Link, reader: asyncio.StreamReader) -> None:
        far_reader, link.far = await asyncio.open_connection("127.0.0.1", self._target)
        there = asyncio.create_task(self._requests(link, reader, link.far))
        back = asyncio.create_task(self._replies(link, far_reader, link.near))
        try:
            # What was read from a client that is gone still reaches the server: it was on its way.
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            back.cancel()
            there.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    def _is_deaf(self, link: _Link) -> bool:
        link.is_silent = link.is_silent or self.is_black_hole
        return link.is_silent

    async def _requests(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK):
            if self._is_deaf(link):
                continue
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if _SCRIPT_CALL.match(data):
                if self.is_holding_scripts:
                    self.scripts_held += 1
                    continue
                head = data[:4096]
                named = (name for name, marks in _RENEWING.items() if any(mark in head for mark in marks))
                link.calls.append((next(named, ""), _lease_of(head), monotonic()))
            writer.write(data)
            await writer.drain()

    async def _replies(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            is_script = bool(link.calls)
            if is_script:
                name, lease, passed_on = link.calls.popleft()
                if name and _RENEWED[name].match(data):
                    self.renewals.setdefault(lease, []).append(passed_on)
            if self._is_deaf(link):
                continue
            if is_script and self.replies_to_drop:
                self.replies_to_drop -= 1
                self.replies_dropped += 1
                link.reset()
                return
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            writer.write(data)
            await writer.drain()
