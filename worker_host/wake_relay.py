"""The parent's side: waits for wake-ups once for all processes of a host, and tells each what it has not read.

Why nothing is missed: a child names a cursor at which its queues were empty. What the parent has read
since, it has kept and tells at once; what it reads later it tells then; and when it cannot know what
came between, it says so, and the child looks. Whatever ends the parent or the line is seen by the
child, which then waits by itself.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine

import structlog

from shared.errors import StoreError
from shared.queue import TaskQueue
from shared.spending import Meter
from shared.transports.tcp import MAX_WAIT_S
from worker_host.expenses import Expenses
from worker_host.wake_line import ALIVE_S, MAX_LINE, Entries, order_of

#: Wake-ups kept for children that report late; the stream itself keeps about 128.
KEPT = 256

log = structlog.get_logger()


class Stream:
    """The wake-ups of one shard, read from the first cursor that a child named.

    Attributes:
        kept: what was read last, oldest first.
        cursor: of the last one that was read.
        floor: before this nothing is known.
        waiting: children and where each waits from; told once, then they say again.
    """

    def __init__(self, cursor: str) -> None:
        self.kept: deque[tuple[str, dict[str, str]]] = deque()
        self.cursor = self.floor = cursor
        self.waiting: dict[Child, str] = {}

    def add(self, entries: Entries) -> None:
        """Keep what was read, and tell those who wait."""
        for entry in entries:
            self.kept.append(entry)
            self.cursor = entry[0]
        while len(self.kept) > KEPT:
            self.floor = self.kept.popleft()[0]
        waiting, self.waiting = self.waiting, {}
        for child, cursor in waiting.items():
            self.report(child, cursor)

    def report(self, child: Child, cursor: str) -> None:
        """A child waits from `cursor` on: tell what it has not read, or remember it."""
        if order_of(cursor) < order_of(self.floor):
            child.tell(None)
        elif order_of(cursor) < order_of(self.cursor):
            child.tell([entry for entry in self.kept if order_of(entry[0]) > order_of(cursor)])
        else:
            self.waiting[child] = cursor


class Child:
    """One child's reports in one shard go here."""

    def __init__(self, writer: asyncio.StreamWriter, shard: int) -> None:
        self._writer = writer
        self._shard = shard

    def tell(self, entries: Entries | None) -> None:
        """Answer its report; None: it must look for itself."""
        send(self._writer, [self._shard, entries])


def send(writer: asyncio.StreamWriter, words: list[object]) -> None:
    """One line; a child that does not read is bounded by saying a thing once, and gets nothing more."""
    if not writer.is_closing():
        writer.write(json.dumps(words).encode() + b"\n")


class WakeRelay:
    """Reads the streams in a thread of its own, so that the supervisor's loop need not be asynchronous.

    Args:
        open_queue: makes a queue with connections of its own, whose calls the meter counts; called in the
            thread.
    """

    def __init__(self, open_queue: Callable[[Meter], TaskQueue]) -> None:
        self._open_queue = open_queue
        self._meter = Meter("idle")
        self._queue: TaskQueue | None = None
        self._loop = asyncio.new_event_loop()
        self._streams: dict[int, Stream] = {}
        self._lines: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="wake-relay", daemon=True)

    @property
    def calls(self) -> int:
        """Redis calls that waiting has caused."""
        return self._queue.calls if self._queue else 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def new_line(self, is_heard: threading.Event | None = None) -> socket.socket:
        """The end of a new line for a child; the caller closes its copy once the child has it.

        Args:
            is_heard: set when the child has said for the first time where it waits: it has exchanged then.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._loop.call_soon_threadsafe(self._begin, self._serve(ours, is_heard or threading.Event()))
        return theirs

    def stop(self) -> None:
        """End the thread; children that still live wait by themselves."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._queue = self._open_queue(self._meter)
        self._begin(self._say_alive())
        self._begin(Expenses(self._queue, self._meter).run())
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._lines:
            writer.close()
        assert self._queue is not None
        if self._meter.total:
            await Expenses(self._queue, self._meter).save()
        await self._queue.transport.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say_alive(self) -> None:
        while True:
            for writer in self._lines:
                send(writer, [])
            await asyncio.sleep(ALIVE_S)

    async def _serve(self, end: socket.socket, is_heard: threading.Event) -> None:
        """Take a child's reports until it ends."""
        reader, writer = await asyncio.open_connection(sock=end, limit=MAX_LINE)
        self._lines.add(writer)
        children: dict[int, Child] = {}
        try:
            while (line := await reader.readline()).endswith(b"\n"):
                shard, cursor = json.loads(line)
                is_heard.set()
                child = children.setdefault(shard, Child(writer, shard))
                self._stream(shard, cursor).report(child, cursor)
        except OSError:
            pass  # it was killed
        except ValueError as error:
            log.warning("a process speaks nonsense; it waits by itself now", error=str(error))
        finally:
            self._lines.discard(writer)
            writer.close()
            for shard, child in children.items():
                if shard in self._streams:
                    self._streams[shard].waiting.pop(child, None)

    def _stream(self, shard: int, cursor: str) -> Stream:
        """The stream of a shard; the first report begins to read it."""
        if shard not in self._streams:
            self._streams[shard] = Stream(cursor)
            self._begin(self._follow(shard, self._streams[shard]))
        return self._streams[shard]

    async def _follow(self, shard: int, stream: Stream) -> None:
        """Read until the connection is lost: then all look, and the first that says where from begins anew."""
        assert self._queue is not None
        try:
            while True:
                stream.add(await self._queue.wait(stream.cursor, int(MAX_WAIT_S * 1000), shard=shard))
        except StoreError as error:
            log.warning("waiting for wake-ups failed", message=str(error), shard=shard)
        finally:
            del self._streams[shard]
            for child in stream.waiting:
                child.tell(None)
