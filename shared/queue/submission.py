"""Submitting tasks: ids and fingerprints are fixed before the first call, so a repeat is safe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from shared.codec import encode, fingerprint
from shared.errors import (
    Conflict,
    DtqError,
    IdempotencyConflict,
    InvalidInput,
    NotDurable,
    RateExceeded,
    StoreError,
    TooLarge,
    UniqueConflict,
)
from shared.ids import IdGenerator, derived_id
from shared.keys import Keys
from shared.models import (
    LETTERS,
    MAX_BATCH,
    MAX_DELAYED_BATCH,
    Deduplicated,
    OnConflict,
    SubmittedTask,
    TaskSubmission,
)
from shared.queue.base import QueueBase
from shared.rates import Rate
from shared.sealing import PAYLOAD
from shared.transports.base import ScriptSignal

#: What one call may carry; Upstash takes 10 MB a request, and JSON text grows when it is escaped.
MAX_CALL_BYTES = 4 * 1024 * 1024
#: Of a task's metadata as JSON: lists show it whole, unlike payloads.
MAX_METADATA = 16 * 1024
#: How long a durable submission waits for the disk: a server that syncs each second needs a bit more than that.
PERSIST_MS = 1_500
#: Names of quiet queues that are remembered; others are served by exchanges.
MAX_QUIET = 1_000
DEFAULT_QUEUE = "default"
DEFAULT_MAX_RETRIES = 3

_MARKS = {"": None, "e": Deduplicated.EXISTING, "d": Deduplicated.DEBOUNCED, "t": Deduplicated.THROTTLED}
_MODES = {OnConflict.REJECT: "r", OnConflict.EXISTING: "e", OnConflict.REPLACE: "p"}

_ids = IdGenerator()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a submission takes that names nothing itself: the defaults of its task type."""

    queue: str = DEFAULT_QUEUE
    max_retries: int = DEFAULT_MAX_RETRIES


@dataclass(slots=True)
class Allowance:
    """How fast somebody may submit.

    Attributes:
        who: whose allowance it is.
        rate: tasks in how long.
        left: tasks that would pass at once now; None until a submission was answered.
    """

    who: str
    rate: Rate
    left: int | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A submission as the script takes it."""

    id: str
    queue: str
    when: str
    attributes: str
    payload: str
    mark: str | None
    size: int


class Submission(QueueBase):
    """`submit`: one script call for 1 to 1,000 tasks, all or nothing."""

    async def submit(
        self,
        tasks: Sequence[TaskSubmission],
        *,
        defaults: Sequence[Defaults] | None = None,
        bodies: Sequence[Any] | None = None,
        traceparent: str | None = None,
        allowance: Allowance | None = None,
    ) -> list[SubmittedTask]:
        """Store tasks and make them pending or scheduled.

        Args:
            tasks: 1 to 1,000, of them at most 500 delayed, at most 4 MB together.
            defaults: of each task's type; the product's own when left out.
            bodies: each task as it was received, for the fingerprint of its idempotency key; the
                task itself when left out.
            traceparent: of the trace that the submission belongs to; kept with each task.
            allowance: how fast the caller may submit; its `left` is told.

        Returns:
            Id and status of each, in order. A repeated submission gives the status of now.

        Raises:
            InvalidInput: names `tasks[i].<field>`, or the queues when they live in several shards; nothing
                was stored.
            IdempotencyConflict: a key was used with another body; nothing was stored.
            RateExceeded: the allowance is used up; nothing was stored.
            StoreError: nothing was stored, or everything was and a repeat will say so.
        """
        prepared = [
            self._prepare(
                task,
                defaults[i] if defaults else Defaults(),
                bodies[i] if bodies else None,
                i,
                len(tasks),
                traceparent,
            )
            for i, task in enumerate(tasks)
        ]
        self._check_batch(prepared)
        unique = _without_repeats(prepared)
        answers = await self._submit_unique(list(unique.values()), self._only_shard(prepared), allowance)
        by_id = dict(zip(unique, answers, strict=True))
        return [by_id[item.id] for item in prepared]

    def _only_shard(self, tasks: list[_Prepared]) -> Keys:
        """The keys of the shard that all tasks go to."""
        if len(self.shards) == 1:
            return self.shards[0]
        queues = sorted({task.queue for task in tasks})
        homes = {queue: self.shard_of(queue) for queue in queues}
        if len(set(homes.values())) > 1:
            named = ", ".join(f"{queue} (shard {homes[queue]})" for queue in queues[:20])
            raise InvalidInput(
                "tasks",
                f"name queues of several shards: {named}. A batch is stored as a whole, in one shard.",
                "Send the tasks of each shard as a batch of their own.",
            )
        return self.shards[homes[queues[0]]]

    async def _submit_unique(
        self, tasks: list[_Prepared], keys: Keys, allowance: Allowance | None = None
    ) -> list[SubmittedTask]:
        items: list[str] = []
        hand_off = len(tasks) == 1 and not tasks[0].when and tasks[0].queue in self.quiet_queues
        for task in tasks:
            items += (task.when, task.attributes, task.payload)
        try:
            reply = await self._run(
                "submit",
                queues=keys.queues,
                timers=keys.timers,
                wakes=keys.wakes,
                events=keys.events,
                record=[keys.task(task.id) for task in tasks],
                prefix=keys.prefix,
                retention_ms=self.options.retention_text,
                allowance=f"{allowance.rate.words} {allowance.who}" if allowance else "",
                hand_off="1" if hand_off else "0",
                item=items,
            )
        except ScriptSignal as signal:
            raise _refusal_of(signal, allowance) from None
        if allowance is not None:
            allowance.left = int(reply[5])
        self._note_quiet(tasks[0].queue, is_quiet=bool(reply[6]))
        if self.options.is_durable:
            await self._persist(keys)
        return [
            SubmittedTask(task_id, LETTERS[letter], _MARKS[mark])
            for letter, task_id, mark in zip(reply[2], reply[3], reply[4], strict=True)
        ]

    def _note_quiet(self, queue: str, *, is_quiet: bool) -> None:
        if not is_quiet:
            self.quiet_queues.discard(queue)
        elif len(self.quiet_queues) < MAX_QUIET:
            self.quiet_queues.add(queue)

    async def _persist(self, keys: Keys) -> None:
        """Wait until the disk has what was stored, by this call or by the one that this repeats.

        Raises:
            NotDurable: it did not say so.
        """
        self.calls += 2
        try:
            if await self.transport.persist(keys.durable, PERSIST_MS):
                return
            reason = f"Redis did not confirm it within {PERSIST_MS} ms."
        except StoreError as error:
            reason = error.detail
        raise NotDurable(
            f"What was submitted may be stored and run, but is not known to be on disk: {reason} "
            "Send the same again: with the same idempotency key it is stored once, without one once more."
        )

    def _prepare(
        self,
        task: TaskSubmission,
        defaults: Defaults,
        body: Any,
        index: int,
        total: int,
        traceparent: str | None = None,
        schedule: str | None = None,
    ) -> _Prepared:
        where = f"tasks[{index}]." if total > 1 else ""
        payload = encode(task.payload, f"{where}payload")
        size = len(payload.encode())
        if size > self.options.max_payload_bytes:
            raise TooLarge(
                f"{where}payload",
                f"has {size} bytes as JSON, over the limit of {self.options.max_payload_bytes}.",
                "Store the data elsewhere and send its address.",
            )
        queue = task.queue or defaults.queue
        mark = None
        if task.idempotency_key is None:
            task_id = _ids.next(self.shard_of(queue))
        else:
            task_id = derived_id(self.shard_of(queue), queue, task.idempotency_key)
            mark = fingerprint(body if body is not None else task.model_dump(mode="json", exclude_unset=True))
        max_retries = defaults.max_retries if task.max_retries is None else task.max_retries
        words = [str(task.priority), queue, task.task_type, str(max_retries), *_words(task, mark)]
        options = _options(task, traceparent)
        if len(encode(options, f"{where}metadata")) > MAX_METADATA:
            rule = f"is longer than {MAX_METADATA} characters as JSON."
            raise TooLarge(f"{where}metadata", rule, "Put what is large into the payload.")
        options |= _origin(task, schedule)
        if options:
            words.append(f"o={encode(options, f'{where}idempotency_key')}")
        attributes = " ".join(words)
        if self.options.sealer is not None:
            payload = self.options.sealer.seal(payload, PAYLOAD)
            size = len(payload)
        return _Prepared(
            task_id, queue, _when(task), attributes, payload, mark, size + len(attributes.encode())
        )

    def _check_batch(self, tasks: list[_Prepared]) -> None:
        if not 1 <= len(tasks) <= MAX_BATCH:
            raise InvalidInput("tasks", f"holds {len(tasks)} tasks.", f"Send 1 to {MAX_BATCH}.")
        delayed = sum(1 for task in tasks if task.when)
        if delayed > MAX_DELAYED_BATCH:
            raise InvalidInput(
                "tasks", f"holds {delayed} delayed tasks.", f"Send at most {MAX_DELAYED_BATCH} of them."
            )
        size = sum(task.size for task in tasks)
        if size > MAX_CALL_BYTES:
            raise TooLarge(
                "tasks", f"holds {size} bytes, over the limit of {MAX_CALL_BYTES}.", "Send smaller batches."
            )


def _words(task: TaskSubmission, mark: str | None) -> list[str]:
    """The option words of a record (see scripts/lib/record.lua), of what was set."""
    words = [f"i={mark}"] if mark else []
    if task.retention_seconds is not None:
        words.append(f"k={_ms(task.retention_seconds)}")
    if task.expires_at is not None:
        words.append(f"x={max(0, math.ceil(task.expires_at.timestamp() * 1000))}")
    if task.unique_key is not None:
        words.append(_unique_word(task, quote(task.unique_key, safe="")))
    if task.limit_key is not None:
        words.append(f"c={quote(task.limit_key, safe='')}")
    if task.fair_key is not None:
        words.append(f"f={quote(task.fair_key, safe='')}")
    if task.callback_url is not None:
        words.append(f"w={task.callback_url}")
    return words


def _unique_word(task: TaskSubmission, key: str) -> str:
    """For how long the key stands for this task: its life, a window, or until it starts."""
    if task.debounce:
        return f"b={_ms(task.debounce.seconds)}:{_ms(task.debounce.most_s)}:{key}"
    if task.throttle_seconds is not None:
        return f"h={_ms(task.throttle_seconds)}:{key}"
    return f"u={_MODES[task.on_conflict]}:{key}"


def _ms(seconds: float) -> int:
    return math.ceil(seconds * 1000)


def _origin(task: TaskSubmission, schedule: str | None) -> dict[str, Any]:
    """Where it comes from, beside the options, and only what was set; its length is bounded already."""
    origin = {"schedule": schedule, "idempotency_key": task.idempotency_key}
    return {name: value for name, value in origin.items() if value is not None}


def _options(task: TaskSubmission, traceparent: str | None) -> dict[str, Any]:
    """What only Python reads, and only what was set."""
    options: dict[str, Any] = {}
    if traceparent is not None:
        options["traceparent"] = traceparent
    if task.timeout_seconds is not None:
        options["timeout"] = task.timeout_seconds
    if task.retry is not None:
        options["retry"] = task.retry.model_dump(mode="json", exclude_unset=True)
    if task.metadata is not None:
        options["metadata"] = task.metadata
    return options


def _when(task: TaskSubmission) -> str:
    """As the script reads it: nothing, `+<ms>` from its now, or an instant in ms."""
    if task.debounce:
        return f"+{_ms(task.debounce.seconds)}"
    if task.delay_seconds:
        return f"+{_ms(task.delay_seconds)}"
    if task.run_at is not None:
        return str(max(0, math.ceil(task.run_at.timestamp() * 1000)))
    return ""


def _without_repeats(tasks: list[_Prepared]) -> dict[str, _Prepared]:
    """Tasks by id; a key that stands twice in a batch must stand for the same body."""
    unique: dict[str, _Prepared] = {}
    for task in tasks:
        if unique.setdefault(task.id, task).mark != task.mark:
            raise _conflict(task.id)
    return unique


def _refusal_of(signal: ScriptSignal, allowance: Allowance | None) -> DtqError:
    if signal.code == "DTQ_RATE_LIMITED" and allowance is not None:
        return rate_exceeded(allowance.rate, int(signal.words[0]), "tasks", "Nothing was stored.")
    return _conflict_of(signal)


def rate_exceeded(rate: Rate, wait_ms: int, what: str, effect: str) -> RateExceeded:
    """The refusal of whoever asks faster than `rate`."""
    wait_s = max(1, math.ceil(wait_ms / 1000))
    return RateExceeded(
        f"More than {rate.amount} {what} in {rate.seconds} s. {effect} Try again in {wait_s} s.",
        retry_after_s=wait_s,
        count=rate.amount,
        window_s=rate.seconds,
    )


def _conflict_of(signal: ScriptSignal) -> Conflict:
    if signal.code == "DTQ_UNIQUE_CONFLICT":
        return UniqueConflict(
            f"Task {signal.words[1]} has this unique key and is not finished. Nothing was stored. Wait for it, "
            'cancel it, or send "on_conflict": "existing" or "replace" (which no running task is).'
        )
    return _conflict(signal.words[1])


def _conflict(task_id: str) -> IdempotencyConflict:
    return IdempotencyConflict(
        f"This idempotency key belongs to task {task_id}, which was submitted with another body. "
        "Nothing was stored. Send the same body again, or use a new key."
    )
