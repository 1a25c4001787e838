"""One line per ended attempt: a prepared encoder for successes, silent above a rate."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic, time
from typing import Any, TextIO

import msgspec
import structlog

from shared.codec import Claim, decode
from shared.queue import Outcome

#: Lines a second; beyond, one line a second says how many were left out.
MAX_LINES_PER_S = 100
_ACTIONS = {
    "c": "task completed",
    "f": "attempt failed",
    "x": "task rejected",
    "k": "task cancelled",
    "s": "task snoozed",
    "w": "task rate limited",
    "h": "task handed back",
}


class TaskLog:
    """Writes what became of attempts.

    Args:
        is_json: JSON lines; else short readable ones.
        stream: where to.
        is_on: False writes successes nowhere.
        now: monotonic seconds.
    """

    def __init__(
        self,
        *,
        is_json: bool,
        stream: TextIO | None = None,
        is_on: bool = True,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._is_json = is_json
        self._stream = stream or sys.stdout
        self._is_on = is_on
        self._now = now
        self._second = 0
        self._lines = 0
        self._left_out = 0
        self._encode = msgspec.json.Encoder().encode
        self._log = structlog.get_logger()

    def ended(self, claim: Claim, outcome: Outcome, elapsed_s: float) -> None:
        """Log an attempt that ended; all but successes go through the ordinary logger."""
        if outcome.kind != "c":
            self._write_other(claim, outcome, elapsed_s)
        elif self._is_on:
            self._write_success(claim, elapsed_s)

    def _write_success(self, claim: Claim, elapsed_s: float) -> None:
        second = int(self._now())
        if second != self._second:
            if self._left_out:
                self._log.info("task lines left out", count=self._left_out, limit_per_s=MAX_LINES_PER_S)
            self._second, self._lines, self._left_out = second, 0, 0
        if self._lines >= MAX_LINES_PER_S:
            self._left_out += 1
            return
        self._lines += 1
        ms = round(elapsed_s * 1000, 1)
        if self._is_json:
            line = self._encode(
                {
                    "timestamp": round(time(), 3),
                    "level": "info",
                    "event": "task completed",
                    "task_id": claim.id,
                    "task_type": claim.task_type,
                    "queue": claim.queue,
                    "attempt": claim.attempt,
                    "ms": ms,
                }
            ).decode()
        else:
            line = f"  ✓ {claim.task_type} {claim.id} completed in {ms:g} ms"
        self._stream.write(line + "\n")
        self._stream.flush()

    def _write_other(self, claim: Claim, outcome: Outcome, elapsed_s: float) -> None:
        fields: dict[str, Any] = {
            "task_id": claim.id,
            "task_type": claim.task_type,
            "queue": claim.queue,
            "attempt": claim.attempt,
            "ms": round(elapsed_s * 1000, 1),
        }
        if outcome.body:
            error = decode(outcome.body)
            fields |= {"error": error["type"], "message": error["message"]}
        if outcome.kind in ("f", "s", "w"):
            fields["delay_s"] = outcome.delay_ms / 1000
        write = self._log.warning if outcome.kind in ("f", "x") else self._log.info
        write(_ACTIONS[outcome.kind], **fields)
