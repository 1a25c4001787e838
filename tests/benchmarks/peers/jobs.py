"""What every Python peer runs: no work, but the time of the tenth and of the last tenth, or of each start.

Imported by `app` in a peer's own environment, so it may use the standard library only.
"""

from __future__ import annotations

import json
import os
import time
from itertools import count
from pathlib import Path

TOTAL = int(os.environ.get("TOTAL", "0"))
RESULT = {"ok": True, "text": "r" * 80}
_seen = count(1)
_times: list[float] = []


def _write(figures: dict[str, object]) -> None:
    path = Path(os.environ["FIGURES"])
    new = path.with_suffix(".new")
    new.write_text(json.dumps(figures))
    new.replace(path)


def noop(n: int, text: str) -> dict[str, object]:
    """The rate from the first tenth to the last."""
    number = next(_seen)
    if number in (TOTAL // 10, TOTAL * 9 // 10):
        _times.append(time.time())
    if number == TOTAL:
        _write({"rate": (TOTAL * 9 // 10 - TOTAL // 10) / (_times[1] - _times[0])})
    return RESULT


def mark(sent: float) -> dict[str, object]:
    """How long after the call of submission the handler starts, ms."""
    _times.append((time.time() - sent) * 1000)
    if len(_times) == TOTAL:
        _write({"delays": _times})
    return RESULT
