"""The worker's side: exchange, register, renew, leave, wait."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.codec import ELSEWHERE, Claim, read_claims
from shared.errors import InvalidInput
from shared.models import NAME
from shared.queue.base import QueueBase

#: How long an idle worker counts as present beyond its last word.
PRESENCE_MS = 300_000
MAX_CLAIMS = 100
MAX_OUTCOMES = 100
MAX_QUEUES = 16
WORKER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,127}")


class Outcome(NamedTuple):
    """How an attempt ended.

    Attributes:
        task_id: the task.
        number: the claim, as in `Claim.number`.
        kind: c completed, f failed, x rejected, k cancelled, s come back later, w rate limited (its limit
            key waits, too), h handed back;
            g progress and l log lines of an attempt that still runs.
        body: result or error as JSON text; empty for s, w and h.
        delay_ms: wait before the next start, for f, s and w.
        group: fingerprint of the error, for f and x.
    """

    task_id: str
    number: int
    kind: str
    body: str = ""
    delay_ms: int = 0
    group: str = ""


@dataclass(slots=True)
class WorkerState:
    """What a worker keeps between exchanges; a repeat sends exactly the same.

    Attributes:
        name: new at every process start.
        queues: served queues in order of service, 1 to 16.
        types: known task types.
        lease_ms: length of the lease.
        number: of the last exchange that was answered.
        lease_until: server's ms when the stored lease or presence ends.
    """

    name: str
    queues: Sequence[str]
    types: Sequence[str]
    lease_ms: int
    number: int = 0
    lease_until: int = 0
    _types_text: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        # Names stand in keys, records and blank-separated lists: a bad one would corrupt others' tasks.
        if not WORKER_NAME.fullmatch(self.name):
            raise InvalidInput("worker", f"{self.name!r} is no name.", f"Match {WORKER_NAME.pattern}.")
        for field_name, names in (("queues", self.queues), ("types", self.types)):
            bad = next((name for name in names if not NAME.fullmatch(name)), None)
            if bad is not None:
                raise InvalidInput(field_name, f"{bad!r} is no name.", f"Match {NAME.pattern}.")
        if not 1 <= len(self.queues) <= MAX_QUEUES or len(set(self.queues)) < len(self.queues):
            raise InvalidInput("queues", f"are {len(self.queues)}.", f"Name 1 to {MAX_QUEUES}, each once.")
        self._types_text = f" {' '.join(self.types)} "

    @property
    def types_text(self) -> str:
        """Known types as the script takes them."""
        return self._types_text


class ExchangeReply(NamedTuple):
    """What an exchange gave.

    Attributes:
        now_ms: the server's time.
        state: ok, replay, stale, or lost (the lease expired: everything held runs elsewhere).
        has_more: exchange again at once; claimable work may be left.
        next_due_ms: server's ms of the first timer of others; 0 for none, -1 when it was not looked for.
        cursor: where to wait from; empty when the one before still holds.
        lost: ids whose outcomes came too late.
        cancelled: ids whose cancellation was asked.
        claims: tasks to run now.
        is_draining: an operator asked this worker to claim no more.
        due: schedules to fire, as `scheduling.read_due` takes them.
    """

    now_ms: int
    state: str
    has_more: bool
    next_due_ms: int
    cursor: str
    lost: list[str]
    cancelled: list[str]
    claims: list[Claim]
    is_draining: bool = False
    due: Sequence[str] = ()


class Exchange(QueueBase):
    """Operations of a worker."""

    async def register(self, state: WorkerState, description: str, types: dict[str, str]) -> None:
        """Publish a worker and its task types (name → JSON), before its first exchange."""
        items: list[str] = []
        for name, text in types.items():
            items += (name, text)
        reply = await self._run(
            "register",
            workers=self.keys.workers,
            types=self.keys.types,
            timers=self.keys.timers,
            worker=state.name,
            description=description,
            presence_ms=str(PRESENCE_MS + state.lease_ms),
            item=items,
        )
        state.lease_until = reply[2]

    async def exchange(
        self,
        state: WorkerState,
        outcomes: Sequence[Outcome] = (),
        *,
        free: int,
        holding: int = 0,
        maintain: bool = True,
        want_cursor: bool = True,
    ) -> ExchangeReply:
        """Hand in outcomes and claim tasks for free slots, in one round trip.

        `state` moves on only with the answer: after an error, call again with the same arguments.

        Args:
            state: of this worker.
            outcomes: at most 100.
            free: free slots, at most 100 are filled.
            holding: tasks that still run, without those of `outcomes`.
            maintain: look for what is due; may be left out while waiting for it anyway.
            want_cursor: return where to wait from.
        """
        if len(outcomes) > MAX_OUTCOMES:
            raise InvalidInput("outcomes", f"are {len(outcomes)}.", f"Hand in at most {MAX_OUTCOMES} a call.")
        items = list(state.queues)
        records: list[str] = []
        prefix = self.keys.prefix
        for task_id, number, kind, body, delay_ms, group in outcomes:
            records.append(f"{prefix}t:{task_id}")
            # A record is read by its lines; in JSON a line break is nothing but a blank.
            head = f"{kind} {number} {delay_ms}"
            if group:
                if not NAME.fullmatch(group):
                    raise InvalidInput("group", f"{group!r} is no name.", f"Match {NAME.pattern}.")
                head += f" {group}"
            items += (head, body.replace("\n", " ") if "\n" in body else body)
        number = state.number + 1
        reply = await self._run(
            "exchange",
            run=self.keys.run(state.name),
            queues=self.keys.queues,
            timers=self.keys.timers,
            wakes=self.keys.wakes,
            events=self.keys.events,
            pending=[self.keys.pending(queue) for queue in state.queues],
            record=records,
            prefix=prefix,
            worker=state.name,
            number=str(number),
            lease_ms=str(state.lease_ms),
            lease_until=str(state.lease_until),
            free=str(free),
            holding=str(holding),
            maintain="1" if maintain else "0",
            want_cursor="1" if want_cursor else "0",
            retention_ms=str(self.options.retention_s * 1000),
            keep=str(self.options.keep),
            types=state.types_text,
            queue_count=str(len(state.queues)),
            item=items,
        )
        _, now_ms, status, lease_until, more, next_due, cursor, lost, cancelled, flat, drain, due = reply
        if status in ("ok", "replay"):
            state.number = number
            state.lease_until = lease_until
        return ExchangeReply(
            now_ms,
            status,
            bool(more),
            next_due,
            cursor,
            lost.split(),
            cancelled.split(),
            read_claims(flat),
            bool(drain),
            due,
        )

    async def load_bodies(self, claims: Sequence[Claim]) -> None:
        """Read the payloads of claims that are stored apart, all in one call."""
        apart = [claim for claim in claims if claim.payload == ELSEWHERE]
        if not apart:
            return
        bodies = await self.transport.command("MGET", *(self.keys.payload(claim.id) for claim in apart))
        self.calls += 1
        for claim, body in zip(apart, bodies, strict=True):
            claim.payload = body or "null"

    async def renew(self, state: WorkerState, *, is_idle: bool) -> int | None:
        """Move the end of the lease, or of an idle worker's presence.

        Returns:
            The server's time, ms; None when the lease was lost.
        """
        reply = await self._run(
            "renew",
            timers=self.keys.timers,
            run=self.keys.run(state.name),
            worker=state.name,
            lease_ms=str(state.lease_ms),
            idle_ms=str(PRESENCE_MS + state.lease_ms if is_idle else 0),
        )
        _, now_ms, until_ms = reply
        if not until_ms:
            return None
        state.lease_until = until_ms
        return int(now_ms)

    async def leave(self, state: WorkerState) -> int:
        """Say goodbye; returns how many tasks the worker still held, which others take at once."""
        reply = await self._run(
            "leave",
            run=self.keys.run(state.name),
            timers=self.keys.timers,
            workers=self.keys.workers,
            wakes=self.keys.wakes,
            worker=state.name,
        )
        held: int = reply[2]
        return held

    async def wait(self, cursor: str, timeout_ms: int) -> list[tuple[str, dict[str, str]]]:
        """Block until a wake-up after `cursor`, at most `timeout_ms`; TCP only."""
        self.calls += 1
        return await self.transport.wait(self.keys.wakes, cursor, timeout_ms)
