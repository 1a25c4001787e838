"""A bounded pool of connections to Redis, each lent to one request at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import hiredis

from local.gateway.errors import RedisSilent, RedisUnavailable, RedisUnreachable
from local.gateway.redis_link import CommandConnection, PushConnection, Reply, open_link, pack
from local.gateway.rules import Command
from local.gateway.target import RedisTarget


class RedisPool:
    """Sends commands once, never again: whether to retry is known to the caller alone.

    Args:
        target: Where Redis is.
        size: Connections at most; further requests wait their turn.
        timeout_s: Seconds for a whole call: waiting for a connection, connecting, sending, the reply.
    """

    def __init__(self, target: RedisTarget, *, size: int, timeout_s: float) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(size)
        self._idle: list[CommandConnection] = []

    async def run(self, commands: Sequence[Command], *, decode: bool) -> list[Reply]:
        """Send commands in one go over one connection and return their replies in order.

        Raises:
            RedisUnavailable: When there is no answer; its kind says whether the commands may have run.
        """
        payload = pack(commands)
        async with self._lend() as link:
            return await link.call(payload, len(commands), decode=decode)

    async def run_raw(self, command: Command) -> bytes:
        """Send one command and return the bytes of its reply.

        Raises:
            RedisUnavailable: As for `run`.
        """
        async with self._lend() as link:
            return await link.call_raw(pack([command]))

    async def listen(self, command: Command) -> tuple[PushConnection, Reply]:
        """Start pushes on a connection of their own; return it with the first, which confirms or refuses.

        Raises:
            RedisUnavailable: As for `run`.
        """
        link = None
        try:
            async with asyncio.timeout(self._timeout_s):
                link = await open_link(self._target, PushConnection)
                link.write(pack([*self._target.greeting, command]))
                for _ in self._target.greeting:
                    _refuse_bad_greeting(await link.next_push())
                return link, await link.next_push()
        except BaseException as error:
            if link is not None:
                link.abort()
            if isinstance(error, TimeoutError):
                raise self._silence(was_sent=link is not None) from error
            raise

    async def close(self) -> None:
        """Close the idle connections; those at work end with their requests."""
        while self._idle:
            self._idle.pop().abort()

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[CommandConnection]:
        link = None
        try:
            async with asyncio.timeout(self._timeout_s), self._slots:
                link = self._take_idle() or await self._open()
                yield link
        except TimeoutError as error:
            raise self._silence(was_sent=link is not None) from error
        if link.is_usable:
            self._idle.append(link)

    def _silence(self, *, was_sent: bool) -> RedisUnavailable:
        if was_sent:
            return RedisSilent(
                f"ERR no answer from the database in {self._timeout_s:g} s; the command may have run"
            )
        return RedisUnreachable(f"ERR no connection to the database in {self._timeout_s:g} s")

    def _take_idle(self) -> CommandConnection | None:
        while self._idle:
            link = self._idle.pop()  # the latest used first: surplus connections stay cold
            if link.is_usable:
                return link
        return None

    async def _open(self) -> CommandConnection:
        link = await open_link(self._target, CommandConnection)
        if self._target.greeting:
            greeting = pack([*self._target.greeting])
            for reply in await link.call(greeting, len(self._target.greeting), decode=True):
                if isinstance(reply, hiredis.ReplyError):
                    link.abort()
                _refuse_bad_greeting(reply)
        return link


def _refuse_bad_greeting(reply: Reply) -> None:
    if isinstance(reply, hiredis.ReplyError):
        raise RedisUnreachable(f"ERR the database refused the gateway: {reply}")
