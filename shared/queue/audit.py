"""The audit log, as operators read it, and the entries of what no script does; last uses of API keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.errors import InvalidInput
from shared.keys import Keys
from shared.lazy import LazyModel
from shared.models import instant
from shared.queue.base import QueueBase, together, who

_CURSOR = re.compile(r"(\d{1,19}-\d{1,19})\.(\d{1,2})", re.ASCII)
_KEPT = "10000"


class AuditEntry(LazyModel):
    """One control action."""

    id: str
    at: datetime
    action: str
    target: str
    by: str
    """Name of the API key; `local` where there are none."""
    detail: str
    request_id: str | None
    """X-Request-ID of the request that asked; None when no request did."""


class AuditPage(LazyModel):
    """Some entries, and where the next ones begin."""

    entries: list[AuditEntry]
    next_cursor: str | None


class Audit(QueueBase):
    """Operations on the audit log and on the uses of API keys; each is one plain command."""

    async def note_action(self, action: str, target: str, *, by: str, detail: str = "") -> None:
        """Add an entry for an action that changes nothing in Redis, such as a reveal.

        When its answer is lost the entry may stand twice.
        """
        name, _, request = who(by).partition("\n")
        fields = ("action", action, "target", target, "by", name, "detail", detail, "request", request)
        self.calls += 1
        await self.transport.command("XADD", self.shards[0].audit, "MAXLEN", "~", _KEPT, "*", *fields)

    async def audit_log(self, *, limit: int = 50, cursor: str = "") -> AuditPage:
        """Control actions, the newest first; one call a shard.

        Args:
            limit: 1 to 1,000.
            cursor: `next_cursor` of the page before.

        Raises:
            InvalidInput: the cursor is none of ours.
        """
        start, home = _read_cursor(cursor, len(self.shards)) if cursor else ("+", 0)
        # One more than is wanted tells whether a page follows. Of one moment, the later shard comes first.
        parts = await together(
            self._newest(keys, start if keys.shard <= home or not cursor else f"({start}", limit + 1)
            for keys in self.shards
        )
        found = sorted((one for part in parts for one in part), reverse=True, key=lambda one: one[0])
        following = None
        if len(found) > limit:
            (ms, number, shard), _ = found[limit]
            following = f"{ms}-{number}.{shard}"
        return AuditPage(entries=[entry for _, entry in found[:limit]], next_cursor=following)

    async def _newest(
        self, keys: Keys, start: str, limit: int
    ) -> list[tuple[tuple[int, int, int], AuditEntry]]:
        self.calls += 1
        found = await self.transport.command("XREVRANGE", keys.audit, start, "-", "COUNT", str(limit))
        return [(_order(entry_id, keys.shard), _entry(entry_id, fields)) for entry_id, fields in found]

    async def note_key_uses(self, uses: Mapping[str, int]) -> None:
        """Keep when API keys were used last: name and ms."""
        words = [word for name, at_ms in uses.items() for word in (name, str(at_ms))]
        self.calls += 1
        await self.transport.command("HSET", self.shards[0].key_uses, *words)

    async def key_uses(self) -> dict[str, datetime]:
        """When each API key was used last, to about an hour."""
        self.calls += 1
        flat = await self.transport.command("HGETALL", self.shards[0].key_uses)
        pairs = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        return {name: instant(float(at_ms)) for name, at_ms in pairs.items()}


def _read_cursor(text: str, shards: int) -> tuple[str, int]:
    match = _CURSOR.fullmatch(text)
    if match is None or int(match[2]) >= shards:
        raise InvalidInput("cursor", "is none of ours.", "Use next_cursor of the page before, unchanged.")
    return match[1], int(match[2])


def _order(entry_id: str, shard: int) -> tuple[int, int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number), shard


def _entry(entry_id: str, raw: Any) -> AuditEntry:
    fields = raw if isinstance(raw, dict) else dict(zip(raw[::2], raw[1::2], strict=True))
    return AuditEntry(
        id=entry_id,
        at=instant(float(entry_id.partition("-")[0])),
        action=fields["action"],
        target=fields["target"],
        by=fields["by"],
        detail=fields["detail"],
        request_id=fields.get("request") or None,
    )
