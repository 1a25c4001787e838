"""What producers and operators do: cancel, requeue, delete, edit, pause, drain; and maintenance: tick."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from shared.codec import encode, read_task
from shared.errors import Conflict, InvalidInput, NotFound, TooLarge
from shared.keys import Keys
from shared.models import LETTERS, NAME, TERMINAL_STATUSES, Task, TaskStatus
from shared.queue.base import QueueBase, together, who
from shared.sealing import PAYLOAD, seal
from shared.spoken import spoken

#: Tasks that one call of `requeue` or `delete` may name.
MAX_BULK = 100


class BulkResult(NamedTuple):
    """What became of the tasks of a bulk operation.

    Attributes:
        done: ids that were changed.
        skipped: id and present status of those whose status does not allow it.
        missing: ids that are not kept.
    """

    done: list[str]
    skipped: list[tuple[str, TaskStatus]]
    missing: list[str]


class Control(QueueBase):
    """Operations that change tasks, queues and workers from outside."""

    async def cancel(self, task_id: str, *, by: str = "") -> TaskStatus:
        """Cancel a task: at once when it is not running, else its worker is asked.

        Args:
            task_id: the task.
            by: who asks, for the audit log; empty for nobody who is to stand in it.

        Returns:
            `cancelled`, or `running` when the worker was asked.

        Raises:
            NotFound: no task of that id is kept.
            Conflict: it had ended already as completed or dead.
        """
        keys = self.keys_of_task(task_id)
        reply = await self._run(
            "cancel",
            record=keys.task(task_id),
            queues=keys.queues,
            timers=keys.timers,
            wakes=keys.wakes,
            events=keys.events,
            prefix=keys.prefix,
            id=task_id,
            by=who(by) if by else "",
            retention_ms=self.options.retention_text,
        )
        status = LETTERS[reply[2]]
        if status in (TaskStatus.COMPLETED, TaskStatus.DEAD):
            raise Conflict(f"Task {task_id} has already ended as {status}. Nothing was changed.")
        return status

    async def requeue(self, ids: Sequence[str], *, by: str, payload: Any = None) -> BulkResult:
        """Give dead tasks a new series of attempts, at once; one call for each shard that they live in.

        Args:
            ids: 1 to 100 tasks.
            by: who asks, for the audit log.
            payload: replaces the payload of all of them; None keeps theirs.
        """
        return _bulk(ids, (await self._requeue(ids, by, payload))[0], "+")

    async def _requeue(self, ids: Sequence[str], by: str, payload: Any) -> tuple[list[str], int]:
        """The script's letters, and the server's time, ms."""
        text = "" if payload is None else self._payload_text(payload)
        times = [0]

        async def requeue_in(keys: Keys, part: list[str]) -> Sequence[str]:
            reply = await self._run(
                "requeue",
                queues=keys.queues,
                timers=keys.timers,
                wakes=keys.wakes,
                events=keys.events,
                record=[keys.task(task_id) for task_id in part],
                prefix=keys.prefix,
                by=who(by),
                payload=text,
            )
            times.append(int(reply[1]))
            letters: Sequence[str] = reply[2]
            return letters

        return await self._by_shard(ids, requeue_in), max(times)

    async def requeue_one(self, task_id: str, *, by: str, payload: Any = None) -> TaskStatus:
        """Requeue one dead task, optionally with another payload.

        Raises:
            NotFound: no task of that id is kept.
            Conflict: it is not dead; who requeued it is said.
        """
        letters, now_ms = await self._requeue([task_id], by, payload)
        result = _bulk([task_id], letters, "+")
        if result.skipped:
            record = await self._command("GET", self.keys_of_task(task_id).task(task_id))
            said = "" if record is None else _requeued_before(read_task(task_id, record), now_ms)
            if said:
                raise Conflict(f"This task is {said}. Nothing was changed.")
        return _only(task_id, result, TaskStatus.PENDING, "Only dead tasks can be requeued.")

    async def delete(self, ids: Sequence[str], *, by: str) -> BulkResult:
        """Remove tasks that do not run, with all that is stored of them; 1 to 100 ids, a call a shard."""

        async def delete_in(keys: Keys, part: list[str]) -> Sequence[str]:
            reply = await self._run(
                "delete",
                queues=keys.queues,
                timers=keys.timers,
                wakes=keys.wakes,
                record=[keys.task(task_id) for task_id in part],
                prefix=keys.prefix,
                by=who(by),
            )
            letters: Sequence[str] = reply[2]
            return letters

        return _bulk(ids, await self._by_shard(ids, delete_in), "-")

    async def delete_one(self, task_id: str, *, by: str) -> None:
        """Remove one task.

        Raises:
            NotFound: no task of that id is kept.
            Conflict: it runs.
        """
        result = await self.delete([task_id], by=by)
        _only(task_id, result, TaskStatus.CANCELLED, "Cancel it first.")

    async def edit(
        self,
        task_id: str,
        *,
        by: str,
        payload: Any = None,
        priority: int | None = None,
        run_at_ms: float | None = None,
        run_now: bool = False,
    ) -> TaskStatus:
        """Change a task that waits; None keeps what is there.

        Args:
            task_id: the task.
            by: who asks, for the audit log.
            payload: the new payload.
            priority: 1 to 10.
            run_at_ms: not before this time, ms since 1970.
            run_now: start it as soon as a worker is free; wins over `run_at_ms`.

        Returns:
            Its status now: scheduled, pending or retrying.

        Raises:
            NotFound: no task of that id is kept.
            Conflict: it runs or has ended.
        """
        when = "now" if run_now else "" if run_at_ms is None else str(math.ceil(run_at_ms))
        if priority is not None and not 1 <= priority <= 10:
            raise InvalidInput("priority", f"is {priority}.", "Send 1 to 10.")
        keys = self.keys_of_task(task_id)
        reply = await self._run(
            "edit",
            record=keys.task(task_id),
            queues=keys.queues,
            timers=keys.timers,
            wakes=keys.wakes,
            events=keys.events,
            prefix=keys.prefix,
            id=task_id,
            by=who(by),
            payload="" if payload is None else self._payload_text(payload),
            priority="" if priority is None else str(priority),
            when=when,
        )
        status = LETTERS[reply[2]]
        if status is TaskStatus.RUNNING or status in TERMINAL_STATUSES:
            raise Conflict(
                f"Task {task_id} is {status}; only a task that waits can be changed. Nothing was changed."
            )
        return status

    async def pause(self, queue: str, *, by: str, reason: str = "") -> int:
        """Hold a queue: what runs goes on, what is submitted waits; returns how many wait."""
        return await self._pause(queue, by, reason[:500], hold=True)

    async def resume(self, queue: str, *, by: str) -> int:
        """Let a queue go on; returns how many tasks waited."""
        return await self._pause(queue, by, "", hold=False)

    async def _pause(self, queue: str, by: str, reason: str, *, hold: bool) -> int:
        if not NAME.fullmatch(queue):
            raise InvalidInput(
                "queue", f"{queue[:80]!r} is no queue name.", "Use letters, digits, '.', '_', '-'."
            )
        keys = self.keys_of_queue(queue)
        reply = await self._run(
            "pause",
            queues=keys.queues,
            wakes=keys.wakes,
            prefix=keys.prefix,
            name=queue,
            by=who(by),
            reason=_clean(reason),
            hold="1" if hold else "0",
        )
        waiting: int = reply[2]
        return waiting

    async def drain(self, worker: str, *, by: str, hold: bool = True) -> int:
        """Ask a worker to claim no more (or to claim again), in all shards; returns how many tasks it holds.

        Raises:
            NotFound: no worker of that name is registered.
        """

        async def drain_in(keys: Keys) -> int:
            reply = await self._run(
                "drain",
                queues=keys.queues,
                workers=keys.workers,
                wakes=keys.wakes,
                prefix=keys.prefix,
                worker=worker,
                by=who(by),
                hold="1" if hold else "0",
            )
            held: int = reply[2]
            return held

        return sum(await self._where_known(drain_in))

    async def tick(self) -> bool:
        """Do what is due: promote, reap, trim; True when more is due than one call may do."""
        is_more, _ = await self.tick_and_tell()
        return is_more

    async def tick_and_tell(self) -> tuple[bool, Sequence[str]]:
        """As `tick`; tells the due schedules, too, which the caller fires (see `scheduling.read_due`)."""
        replies = await together(
            self._run(
                "tick",
                queues=keys.queues,
                timers=keys.timers,
                wakes=keys.wakes,
                events=keys.events,
                prefix=keys.prefix,
                retention_ms=self.options.retention_text,
                keep=self.options.keep_text,
            )
            for keys in self.shards
        )
        return any(reply[2] for reply in replies), [word for reply in replies for word in reply[4]]

    async def _by_shard(
        self, ids: Sequence[str], change: Callable[[Keys, list[str]], Awaitable[Sequence[str]]]
    ) -> list[str]:
        """What `change` answers of each id, in order; nothing of one whose shard does not exist."""
        if not 1 <= len(ids) <= MAX_BULK:
            raise InvalidInput("ids", f"holds {len(ids)} ids.", f"Send 1 to {MAX_BULK}.")
        if len(set(ids)) != len(ids):
            raise InvalidInput("ids", "names a task twice.", "Send each id once.")
        parts: dict[Keys, list[str]] = {}
        for task_id in ids:
            with suppress(NotFound):
                parts.setdefault(self.keys_of_task(task_id), []).append(task_id)
        answers = await together(change(keys, part) for keys, part in parts.items())
        letters = dict.fromkeys(ids, "")
        for part, found in zip(parts.values(), answers, strict=True):
            letters.update(zip(part, found, strict=True))
        return list(letters.values())

    def _payload_text(self, payload: Any) -> str:
        text = encode(payload, "payload")
        if len(text.encode()) > self.options.max_payload_bytes:
            limit = self.options.max_payload_bytes
            raise TooLarge("payload", f"is over the limit of {limit} bytes.", "Store the data elsewhere.")
        return seal(self.options.sealer, text, PAYLOAD)


def _bulk(ids: Sequence[str], letters: Sequence[str], done: str) -> BulkResult:
    pairs = list(zip(ids, letters, strict=True))
    return BulkResult(
        [task_id for task_id, letter in pairs if letter == done],
        [(task_id, LETTERS[letter]) for task_id, letter in pairs if letter not in ("", done)],
        [task_id for task_id, letter in pairs if letter == ""],
    )


def _requeued_before(task: Task, now_ms: int) -> str:
    """What it is now, and who began its last series of attempts when; nothing when nobody did."""
    mark = next((one for one in reversed(task.attempts) if one.outcome == "requeued"), None)
    if mark is None:
        return ""
    again = "" if task.status in TERMINAL_STATUSES else " again"
    ago = spoken(max(0.0, now_ms / 1000 - mark.started_at.timestamp()))
    return f"already {task.status}{again} (requeued {ago} ago by {mark.worker})"


def _only(task_id: str, result: BulkResult, status: TaskStatus, rule: str) -> TaskStatus:
    if result.missing:
        raise NotFound(f"Task {task_id} is not kept. Ended tasks are removed after their retention.")
    if result.skipped:
        raise Conflict(f"Task {task_id} is {result.skipped[0][1]}. {rule} Nothing was changed.")
    return status


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
