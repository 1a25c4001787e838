"""What the parts of `TaskQueue` stand on: transport, keys, limits, and the count of what calls cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Conflict, DtqError, NotFound, StoreError, StoreRefused, StoreUnavailable
from shared.keys import Keys
from shared.scripts import Value, script
from shared.transports.base import Reply, ScriptSignal, Transport


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """What all operations share.

    Attributes:
        namespace: prefix of every key.
        retention_s: how long an ended task is kept that names no time of its own, seconds.
        keep: ended tasks kept per status, whatever their age.
        max_payload_bytes: of one payload as JSON text.
    """

    namespace: str = "production"
    retention_s: int = 7 * 86_400
    keep: int = 100_000
    max_payload_bytes: int = 256 * 1024


class QueueBase:
    """Runs scripts by name and sums their price.

    Attributes:
        calls: Redis calls that this object has caused since it was made, inner ones included. A call
            that failed counts as one.
    """

    def __init__(self, transport: Transport, options: QueueOptions | None = None) -> None:
        self.transport = transport
        self.options = options or QueueOptions()
        self.keys = Keys(self.options.namespace)
        self.calls = 0

    async def _run(self, script_name: str, **values: Value) -> Sequence[Reply]:
        """Run a script; its reply begins with the price, which is counted."""
        program = script(script_name)
        keys, args = program.pack(**values)
        try:
            reply = await self.transport.run(program, keys, args)
        except ScriptSignal as signal:
            self.calls += signal.price
            raise _meaning(signal) from None
        except StoreError:
            self.calls += 1  # it was sent; what it did is not known
            raise
        if not isinstance(reply, list) or not reply or not isinstance(reply[0], int):
            raise StoreUnavailable(f"Redis answered nonsense to {script_name}: {str(reply)[:80]!r}")
        self.calls += reply[0]
        return reply

    async def _command(self, *words: str) -> Reply:
        """Run one plain command that reads; it is counted even when it fails."""
        self.calls += 1
        return await self.transport.command(*words)


def _meaning(signal: ScriptSignal) -> DtqError:
    """The error that a code stands for when no operation gives it a closer one."""
    if signal.code == "DTQ_NOT_FOUND":
        return NotFound("No task of that id is kept. Ended tasks are removed after their retention.")
    if signal.code == "DTQ_NO_WORKER":
        return NotFound("No worker of that name is registered. It may have ended.")
    if signal.code == "DTQ_NO_SCHEDULE":
        return NotFound("No schedule of that id is stored.")
    if signal.code == "DTQ_TOO_MANY_SCHEDULES":
        return Conflict("1,000 schedules are stored, which is the most. Remove some.")
    if signal.code == "DTQ_TOO_MANY_LIMITS":
        return Conflict("1,000 keys of this queue have a limit of their own, which is the most. Lift some.")
    if signal.code == "DTQ_TOO_MANY_WORKERS":
        return StoreRefused(
            "256 workers are registered, which is the most. Stop some, or wait for dead ones to expire."
        )
    if signal.code in ("DTQ_IDEMPOTENCY_CONFLICT", "DTQ_UNIQUE_CONFLICT"):
        return signal
    return Conflict(str(signal))
