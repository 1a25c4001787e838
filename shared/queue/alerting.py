"""Whose turn it is to look for trouble, what is seen then, and what was said about it before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.alerts import WORKER_SEEN, Facts
from shared.models import instant
from shared.queue.inspection import Inspection
from shared.queue.statistics import Statistics

#: A schedule whose time has passed by so much is missed.
LATE_MS = 300_000
DEAD_MINUTES = 10


class Alerting(Inspection, Statistics):
    """Operations of alerts; what was said is kept in the first shard."""

    async def alert_facts(self, every_s: float) -> Facts | None:
        """What the rules judge, when it is the caller's turn; None when somebody looked within `every_s`.

        Costs 4 calls, and those of an overview and of ten minutes of statistics when it is the turn.
        """
        first, *others = self.shards
        reply = await self._run(
            "alert_turn",
            alerts=first.alerts,
            turn=first.alerts_turn,
            timers=first.timers,
            every_ms=str(round(every_s * 1000)),
            late_ms=str(LATE_MS),
        )
        if not reply[2]:
            return None
        late = list(reply[4])
        for keys in others:
            bound = str(reply[1] - LATE_MS)
            self.calls += 1
            members = await self.transport.command(
                "ZRANGE", keys.timers, "-inf", bound, "BYSCORE", "LIMIT", "0", "100"
            )
            late += [str(member)[2:] for member in members if str(member).startswith("s:")]
        overview, stats = await self.overview(), await self.stats(DEAD_MINUTES)
        said = {reply[3][i]: instant(float(reply[3][i + 1])) for i in range(0, len(reply[3]), 2)}
        last_worker = overview.now if overview.workers else said.pop(WORKER_SEEN, None)
        said.pop(WORKER_SEEN, None)
        return Facts(
            now=overview.now,
            oldest_pending_s=overview.oldest_pending_seconds,
            dead=sum(point.dead for point in stats.points),
            waiting=overview.counts["pending"],
            last_worker=last_worker,
            late_schedules=sorted(late),
            firing=said,
        )

    async def keep_alerts(self, changes: Mapping[str, datetime | None]) -> None:
        """Keep since when rules fire; None for one that fires no more."""
        items: list[str] = []
        for name, since in changes.items():
            items += (name, "" if since is None else str(round(since.timestamp() * 1000)))
        if items:
            await self._run("alert_note", alerts=self.shards[0].alerts, item=items)
