"""Saving and reading what was spent."""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import StoreRefused
from shared.models import instant
from shared.queue.base import QueueBase
from shared.spending import Ledger
from shared.store_facts import StoreFacts, read_info


class Spending(QueueBase):
    """Operations on the count of calls, which is kept in the first shard."""

    async def save_spent(self, spent: Mapping[str, int]) -> Ledger:
        """Add calls by source to today's; returns all that is known. Nothing to add only reads."""
        items: list[str] = []
        for source, calls in spent.items():
            items += (source, str(calls))
        _, now_ms, flat = await self._run("spend", cost=self.shards[0].cost, item=items)
        fields = {flat[i]: int(flat[i + 1]) for i in range(0, len(flat), 2)}
        return Ledger(instant(now_ms), fields)

    async def store_facts(self) -> StoreFacts | None:
        """What the server tells about itself; one call. None where it refuses to; of a cluster one node tells."""
        try:
            return StoreFacts.read(read_info(await self._command("INFO")))
        except StoreRefused:
            return None
