"""Signing in: how often one peer may try, over all instances, and without paying for each refusal."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable

from starlette.types import Scope

from shared.errors import RateExceeded
from shared.queue import TaskQueue
from shared.rates import Rate

#: Ten at once, then one every half minute.
RATE = Rate(10, 300)
_MAX_PEERS = 1_000


class SignIns:
    """Counts tries in Redis, by peer; what an instance knows to be refused does not reach Redis again.

    Args:
        clock: seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    async def take(self, queue: TaskQueue, scope: Scope) -> None:
        """Count one try.

        Raises:
            RateExceeded: this peer has tried too often.
        """
        peer = peer_of(scope)
        left_s = self._until.get(peer, 0.0) - self._clock()
        if left_s > 0:
            raise _too_often(math.ceil(left_s))
        try:
            await queue.throttle("sign-in", peer, RATE)
        except RateExceeded as refusal:
            wait_s = refusal.retry_after_s or 1
            if len(self._until) >= _MAX_PEERS:
                self._until.clear()
            self._until[peer] = self._clock() + wait_s
            raise _too_often(wait_s) from None


def peer_of(scope: Scope) -> str:
    """Who tries: an IPv4 address, or the /64 of an IPv6 one, of which a single host has 2^64.

    It is what the server says, never a header: on Vercel the platform sets it.
    """
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(str(client[0]) if client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(address), 64), strict=False).network_address)
        address = address.ipv4_mapped
    return str(address)


def _too_often(wait_s: int) -> RateExceeded:
    return RateExceeded(
        f"Too many tries to sign in from this address. Try again in {wait_s} s.",
        retry_after_s=wait_s,
        count=RATE.amount,
        window_s=RATE.seconds,
    )
