"""Answers of any size, many at once, on a loop of either kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shared.transports.tcp import TcpTransport

SIZES = (0, 1, 1_000, 65_536, 400_000, 3)


def check_echoes(
    new_loop: Callable[[], asyncio.AbstractEventLoop], new_transport: Callable[[], TcpTransport]
) -> None:
    """Have texts echoed, all under way at the same time, three times over one connection."""

    async def talk() -> None:
        transport = new_transport()
        texts = [str(size) * size for size in SIZES]
        for _ in range(3):
            assert await asyncio.gather(*(transport.command("ECHO", text) for text in texts)) == texts
        await transport.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(talk())
