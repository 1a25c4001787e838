"""Between Python and what is stored: JSON of users, task records, script replies.

The layout of a record is described in `scripts/lib/record.lua`; scripts change it, this module
only reads it. msgspec reads and writes user data: integers of any size stay exact.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload
from urllib.parse import unquote

import msgspec

from shared.errors import InvalidInput
from shared.models import LETTERS, Attempt, Task, TaskError, TaskStatus, instant
from shared.retry import RetryPolicy
from shared.sealing import PAYLOAD, Sealer, Unreadable, result_place, unseal

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
decode = _decoder.decode

_PLAIN = frozenset({str, int, float, bool, type(None)})

#: Stands in a record for a body that is stored on its own.
ELSEWHERE = "@"


def encode(value: Any, field: str) -> str:
    """JSON text of user data: valid UTF-8, no line breaks, nothing but what JSON has.

    Raises:
        InvalidInput: something in `value` is no JSON: bytes, a set, NaN, a lone surrogate, …
    """
    try:
        # msgspec would also take bytes, sets and dates, and write NaN as null; it is ten times
        # faster, so flat objects of plain values go to it.
        if type(value) is dict and _PLAIN.issuperset(map(type, value.values())):
            encoded = _encoder.encode(value)
            if b"null" not in encoded or not any(map(_is_non_finite, value.values())):
                return encoded.decode()
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            field, "holds a lone surrogate, which is no text.", "Send valid Unicode."
        ) from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput(
            field, f"is not JSON: {error}.", "Use objects, arrays, text, numbers, booleans, null."
        ) from None
    return text


def _is_non_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def fingerprint(body: Any) -> str:
    """16 characters of SHA-256 over canonical JSON: what tells two bodies of one key apart."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


class Claim(msgspec.Struct):
    """A task that this worker may run now.

    Attributes:
        id: the task's id.
        number: the exchange that claimed it; every write names it.
        task_type: registered name of the handler.
        queue: where it was claimed.
        priority: 1 to 10.
        attempt: this start, 1-based.
        max_retries: retries allowed.
        payload: JSON text; `@` until `TaskQueue.load_bodies` has read a body over 16 KiB.
        options: JSON text of what only Python reads (timeout, retry, metadata, trace); empty for none.
        started_ms: the server's time of the claim, ms.
        ready_ms: when it could start first, ms, as text: few ask for it.
    """

    id: str
    number: int
    task_type: str
    queue: str
    priority: int
    attempt: int
    max_retries: int
    payload: str
    options: str
    started_ms: int
    ready_ms: str

    @property
    def traceparent(self) -> str | None:
        """Of the trace that submitted it; None when there was none."""
        return decode(self.options).get("traceparent") if self.options else None


class Claims(Sequence[Claim]):
    """Claims from `id, record, id, record, …` as `exchange` returns them; read when they are first looked at."""

    def __init__(self, flat: Sequence[str] = ()) -> None:
        self._flat = flat

    @cached_property
    def _read(self) -> list[Claim]:
        flat = self._flat
        return [_read_claim(flat[index], flat[index + 1]) for index in range(0, len(flat), 2)]

    def without(self, task_id: str) -> Claims:
        """All but that of one task."""
        at = self._flat.index(task_id)
        return Claims([*self._flat[:at], *self._flat[at + 2 :]])

    @property
    def are_apart(self) -> bool:
        """Whether a payload is stored apart."""
        return any(f"\n{ELSEWHERE}" in record for record in self._flat[1::2])

    def __len__(self) -> int:
        return len(self._flat) // 2

    @overload
    def __getitem__(self, index: int) -> Claim: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Claim]: ...
    def __getitem__(self, index: int | slice) -> Claim | Sequence[Claim]:
        return self._read[index]

    def __iter__(self) -> Iterator[Claim]:
        return iter(self._read)

    def __add__(self, other: Sequence[Claim]) -> list[Claim]:
        return [*self, *other]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._read == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list


def _read_claim(task_id: str, record: str) -> Claim:
    head, attributes, rest = record.split("\n", 2)
    status_attempt, _, due, _, number, started = head.split(" ")
    created, priority, queue, task_type, limits = attributes.split(" ", 4)
    max_retries, _, options = limits.partition(" ")
    payload, _, _ = rest.partition("\n")
    return Claim(
        task_id,
        int(number),
        task_type,
        queue,
        int(priority),
        int(status_attempt[1:]),
        int(max_retries),
        payload,
        _options(options) if options else "",
        int(started),
        due if due != "0" else created,
    )


def _options(words: str) -> str:
    """The JSON of `o=…`; it is the last word and may hold blanks."""
    if words.startswith("o="):
        return words[2:]
    _, _, options = words.partition(" o=")
    return options


def _keys(words: str) -> dict[str, str | None]:
    """Limit key, fair key and unique key from the words of a record."""
    plain = f" {words}".partition(" o=")[0].split()
    found = {word[0]: word[2:] for word in plain if word[0] in "cfubh"}
    # A unique key stands behind its mode or its times.
    unique = next((found[letter].rpartition(":")[2] for letter in "ubh" if letter in found), None)
    keys = {"limit_key": found.get("c"), "fair_key": found.get("f"), "unique_key": unique}
    return {name: unquote(word) for name, word in keys.items() if word is not None}


def read_task(
    task_id: str,
    record: str,
    payload: str | None = None,
    result: str | None = None,
    *,
    sealer: Sealer | None = None,
) -> Task:
    """A task from its record, and from its bodies when they are stored apart; encrypted ones are opened."""
    head, attributes, body, *tagged = record.split("\n")
    first, _free, due, *tail = head.split(" ")
    created, priority, queue, task_type, rest = attributes.split(" ", 4)
    max_retries, _, words = rest.partition(" ")
    options = _options(words)
    said = decode(options) if options else {}
    status, attempt = LETTERS[first[0]], int(first[1:])
    attempts = [Attempt.model_validate(_attempt(decode(line[1:]))) for line in tagged if line[0] == "a"]
    stored_result = next((line[1:] for line in tagged if line[0] == "r"), None)
    progress = next((decode(line[1:]) for line in tagged if line[0] == "g"), None)
    omitted = []
    if body == ELSEWHERE:
        body = payload if payload is not None else "null"
        omitted += ["payload"] if payload is None else []
    if stored_result == ELSEWHERE:
        stored_result = result
        omitted += ["result"] if result is None else []
    unreadable: dict[str, str] = {}
    body = _opened(sealer, body, PAYLOAD, "payload", unreadable)
    if stored_result:
        stored_result = _opened(sealer, stored_result, result_place(task_id), "result", unreadable)
    worker, started_at, finished_at = _tail(tail)
    if worker and status in (TaskStatus.RUNNING, TaskStatus.COMPLETED):
        outcome = status.value
        attempts.append(
            Attempt(
                attempt=attempt, worker=worker, started_at=started_at, ended_at=finished_at, outcome=outcome
            )
        )
    return Task(
        id=task_id,
        task_type=task_type,
        queue=queue,
        priority=int(priority),
        status=status,
        attempt=attempt,
        max_retries=int(max_retries),
        payload=decode(body),
        result=decode(stored_result) if stored_result else None,
        error=_last_error(attempts, status),
        attempts=attempts,
        progress=progress,
        logs=[decode(line[1:]) for line in tagged if line[0] == "l"],
        worker=worker,
        created_at=instant(int(created)),
        run_at=instant(int(due) or int(created)),
        started_at=started_at,
        finished_at=finished_at,
        metadata=said.get("metadata"),
        traceparent=said.get("traceparent"),
        timeout_seconds=said.get("timeout"),
        retry=RetryPolicy(**said["retry"]) if "retry" in said else None,
        idempotency_key=said.get("idempotency_key"),
        schedule=said.get("schedule"),
        **_keys(words),
        fingerprint=tail[4] if len(tail) > 4 and status is TaskStatus.DEAD else None,
        cancelled_by=tail[4] if len(tail) > 4 and status is TaskStatus.CANCELLED else None,
        omitted=omitted,
        unreadable=unreadable,
    )


def _opened(sealer: Sealer | None, stored: str, place: str, name: str, unreadable: dict[str, str]) -> str:
    """The JSON text of a body; null, with the reason in `unreadable`, when it cannot be decrypted here."""
    try:
        return unseal(sealer, stored, place)
    except Unreadable as error:
        unreadable[name] = error.detail
        return "null"


def _tail(tail: list[str]) -> tuple[str | None, Any, Any]:
    """Worker, start and end; a task that never ran has none of the first two."""
    if not tail:
        return None, None, None
    worker = tail[0] if tail[0] != "-" else None
    started = instant(int(tail[2])) if worker else None
    return worker, started, instant(int(tail[3])) if len(tail) > 3 else None


def _last_error(attempts: list[Attempt], status: TaskStatus) -> TaskError | None:
    """The newest error of a task that is not completed, of its present series of attempts."""
    if status is TaskStatus.COMPLETED:
        return None
    for attempt in reversed(attempts):
        if attempt.outcome == "requeued" or attempt.error:
            return attempt.error
    return None


def _attempt(raw: dict[str, Any]) -> dict[str, Any]:
    return raw | {"started_at": instant(raw["started_at"]), "ended_at": instant(raw["ended_at"])}
