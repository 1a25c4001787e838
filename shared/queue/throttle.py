"""Allowances of callers, for what is no submission: a sign-in."""

from __future__ import annotations

from shared.queue.base import QueueBase
from shared.queue.submission import rate_exceeded
from shared.rates import Rate


class Throttle(QueueBase):
    """One operation: take one from an allowance."""

    async def throttle(self, kind: str, who: str, rate: Rate) -> None:
        """Take one from the allowance of `who`; `kind` is what for.

        Raises:
            RateExceeded: it is used up.
        """
        reply = await self._run("throttle", rate=self.shards[0].rate(kind, who), allowance=rate.words)
        if reply[2]:
            raise rate_exceeded(rate, reply[2], f"{kind}s", "Nothing was done.")
