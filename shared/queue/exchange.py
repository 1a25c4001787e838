"""The worker's side: exchange, register, renew, leave, wait."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.codec import ELSEWHERE, Claim, Claims
from shared.errors import InvalidInput
from shared.models import NAME
from shared.queue.base import QueueBase

#: How long an idle worker counts as present beyond its last word.
PRESENCE_MS = 300_000
MAX_CLAIMS = 100
MAX_OUTCOMES = 100
#: Queues that one exchange looks at.
MAX_QUEUES = 16
#: Queues that a worker serves, 16 after the other.
MAX_SERVED = 256
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
        queues: served queues in order of service, all of one shard.
        types: known task types.
        lease_ms: length of the lease.
        number: of the last exchange that was answered.
        lease_until: server's ms when the stored lease or presence ends.
        shard: where its queues live; a worker that serves several has a state for each.
        handed: ids of tasks that submissions handed over, until an exchange has said that they are known.
    """

    name: str
    queues: Sequence[str]
    types: Sequence[str]
    lease_ms: int
    number: int = 0
    lease_until: int = 0
    shard: int = 0
    handed: set[str] = field(default_factory=set)
    _types_text: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        # Names stand in keys, records and blank-separated lists: a bad one would corrupt others' tasks.
        if not WORKER_NAME.fullmatch(self.name):
            raise InvalidInput("worker", f"{self.name!r} is no name.", f"Match {WORKER_NAME.pattern}.")
        for field_name, names in (("queues", self.queues), ("types", self.types)):
            bad = next((name for name in names if not NAME.fullmatch(name)), None)
            if bad is not None:
                raise InvalidInput(field_name, f"{bad!r} is no name.", f"Match {NAME.pattern}.")
        if not 1 <= len(self.queues) <= MAX_SERVED or len(set(self.queues)) < len(self.queues):
            raise InvalidInput("queues", f"are {len(self.queues)}.", f"Name 1 to {MAX_SERVED}, each once.")
        self._types_text = f" {' '.join(self.types)} "

    @property
    def types_text(self) -> str:
        """Known types as the script takes them."""
        return self._types_text

    def begin_anew(self, name: str) -> None:
        """Under a new name, after the lease of the old one was lost."""
        self.name, self.number, self.lease_until = name, 0, 0
        self.handed.clear()

    def take_handed(self, words: str, record: str, *, now_ms: float, is_busy: bool) -> Claims | None:
        """A task that a submission handed over, from the fields `h` and `r` of a wake-up.

        To be called while no exchange is under way.

        Args:
            words: the field `h`.
            record: the field `r`.
            now_ms: the server's time, rather too late than too early.
            is_busy: whether the worker runs something; then the submission has left its lease as it was.

        Returns:
            Its claim. None for another worker's, and when an exchange after it was answered, which returned it.
            Empty when it was read so late that its lease may end before the heartbeat renews it: an exchange
            returns the task if it is ours still.
        """
        name, number, lease_until, task_id = words.split(" ")
        if name != self.name or int(number) != self.number or task_id in self.handed:
            return None
        if int(lease_until) - now_ms < self.lease_ms / 6:
            return Claims()
        self.handed.add(task_id)
        if not is_busy:
            self.lease_until = int(lease_until)
        return Claims([task_id, record])


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
        handed: the id of the one among them that a submission had handed over; empty for none.
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
    claims: Claims
    handed: str = ""
    is_draining: bool = False
    due: Sequence[str] = ()


class Exchange(QueueBase):
    """Operations of a worker."""

    def worker_states(
        self, name: str, queues: Sequence[str], types: Sequence[str], lease_ms: int
    ) -> list[WorkerState]:
        """The states of a worker, one for each shard that its queues live in; their order is kept."""
        by_shard: dict[int, list[str]] = {}
        for queue in queues:
            by_shard.setdefault(self.shard_of(queue), []).append(queue)
        return [
            WorkerState(name, part, types, lease_ms, shard=shard) for shard, part in sorted(by_shard.items())
        ]

    async def settle_shards(self) -> None:
        """Write down how many shards the namespace has, when nobody has; one call at a worker's start.

        Raises:
            ShardsDiffer: the namespace has another number of them.
        """
        reply = await self._run("settle_shards", types=self.shards[0].types, shards=str(len(self.shards)))
        self._check_shards(reply[1])

    async def register(self, state: WorkerState, description: str, types: dict[str, str]) -> None:
        """Publish a worker and its task types (name → JSON) in its shard, before its first exchange.

        Raises:
            InvalidInput: a queue lives in another shard.
        """
        strayed = [name for name in state.queues if self.shard_of(name) != state.shard]
        if strayed:
            rule = f"live in other shards than {state.shard}: {', '.join(strayed[:20])}."
            raise InvalidInput("queues", rule, "Use a state for each shard, as `worker_states` makes them.")
        items: list[str] = []
        for name, text in types.items():
            items += (name, text)
        keys = self.shards[state.shard]
        reply = await self._run(
            "register",
            workers=keys.workers,
            types=keys.types,
            timers=keys.timers,
            queues=keys.queues,
            worker=state.name,
            description=description,
            presence_ms=str(PRESENCE_MS + state.lease_ms),
            item=items,
        )
        state.lease_until = reply[2]

    async def tell_memory(self, state: WorkerState, memory_mb: int) -> None:
        """Renew what a worker's description says of its memory."""
        keys = self.shards[state.shard]
        await self._run("describe", workers=keys.workers, worker=state.name, memory_mb=str(memory_mb))

    async def exchange(
        self,
        state: WorkerState,
        outcomes: Sequence[Outcome] = (),
        *,
        free: int,
        holding: int = 0,
        maintain: bool = True,
        want_cursor: bool = False,
        queues: Sequence[str] | None = None,
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
            queues: of the served ones those to look at in this call, at most 16; all when left out.
        """
        served = state.queues if queues is None else queues
        if len(served) > MAX_QUEUES:
            rule = f"are {len(served)}, over the {MAX_QUEUES} of one exchange."
            raise InvalidInput("queues", rule, "Look at some of them, and at the others with the next.")
        keys = self.shards[state.shard]
        if len(outcomes) > MAX_OUTCOMES:
            raise InvalidInput("outcomes", f"are {len(outcomes)}.", f"Hand in at most {MAX_OUTCOMES} a call.")
        items = list(served)
        records: list[str] = []
        prefix = keys.prefix
        for task_id, number, kind, body, delay_ms, group in outcomes:
            records.append(f"{prefix}t:{task_id}")
            # A record is read by its lines; in JSON a line break is nothing but a blank.
            head = f"{kind} {number} {delay_ms}"
            if group:
                if not NAME.fullmatch(group):
                    raise InvalidInput("group", f"{group!r} is no name.", f"Match {NAME.pattern}.")
                head += f" {group}"
            items += (head, body.replace("\n", " ") if "\n" in body else body)
        number, handed = state.number + 1, " ".join(sorted(state.handed))
        reply = await self._run(
            "exchange",
            queues=keys.queues,
            timers=keys.timers,
            wakes=keys.wakes,
            events=keys.events,
            pending=[keys.pending(queue) for queue in served],
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
            retention_ms=self.options.retention_text,
            keep=self.options.keep_text,
            types=state.types_text,
            handed=handed,
            queue_count=str(len(served)),
            item=items,
        )
        _, now_ms, status, lease_until, more, next_due, cursor, lost, cancelled, flat, drain, due, unread = (
            reply
        )
        if status in ("ok", "replay"):
            state.number = number
            state.lease_until = lease_until
            state.handed.difference_update(handed.split())
            if status == "replay":
                state.handed.update(flat[::2])  # what was handed over meanwhile is among them
            state.handed.update(unread[:1])
        if self.meter and (outcomes or flat or unread):
            self.meter.move(reply[0], "work")
            self.meter.note_tasks(sum(outcome.kind == "c" for outcome in outcomes))
        return ExchangeReply(
            now_ms,
            status,
            bool(more),
            next_due,
            cursor,
            lost.split(),
            cancelled.split(),
            Claims([*flat, *unread]),
            unread[0] if unread else "",
            bool(drain),
            due,
        )

    async def load_bodies(self, claims: Sequence[Claim]) -> None:
        """Read the payloads of one exchange's claims that are stored apart, all in one call."""
        apart = [claim for claim in claims if claim.payload == ELSEWHERE]
        if not apart:
            return
        keys = self.keys_of_task(apart[0].id)
        bodies = await self.transport.command("MGET", *(keys.payload(claim.id) for claim in apart))
        self.calls += 1
        for claim, body in zip(apart, bodies, strict=True):
            claim.payload = body or "null"

    async def renew(self, state: WorkerState, *, is_idle: bool) -> int | None:
        """Move the end of the lease, or of an idle worker's presence.

        Returns:
            The server's time, ms; None when the lease was lost.
        """
        keys, before = self.shards[state.shard], state.lease_until
        reply = await self._run(
            "renew",
            timers=keys.timers,
            queues=keys.queues,
            worker=state.name,
            lease_ms=str(state.lease_ms),
            idle_ms=str(PRESENCE_MS + state.lease_ms if is_idle else 0),
        )
        _, now_ms, until_ms = reply
        if not until_ms:
            return None
        # What an exchange or a hand-off has set meanwhile may be the later word: the earlier end is the safe one.
        state.lease_until = until_ms if state.lease_until == before else min(until_ms, state.lease_until)
        return int(now_ms)

    async def leave(self, state: WorkerState) -> int:
        """Say goodbye; returns how many tasks the worker still held, which others take at once."""
        keys = self.shards[state.shard]
        reply = await self._run(
            "leave",
            timers=keys.timers,
            workers=keys.workers,
            queues=keys.queues,
            wakes=keys.wakes,
            worker=state.name,
        )
        held: int = reply[2]
        return held

    async def wait(self, cursor: str, timeout_ms: int, *, shard: int = 0) -> list[tuple[str, dict[str, str]]]:
        """Block until a wake-up of a shard after `cursor`, at most `timeout_ms`; TCP only."""
        self.calls += 1
        return await self.transport.wait(self.shards[shard].wakes, cursor, timeout_ms)
