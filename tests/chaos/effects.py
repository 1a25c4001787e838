"""What handlers did, kept outside Redis: one line appended per start and per end of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

FILE = "EFFECTS"


@dataclass(slots=True)
class Run:
    """One run of a handler.

    Attributes:
        ended_at: None when no end was written: its process died.
        ending: done, failed or cancelled.
    """

    task_id: str
    attempt: int
    pid: int
    started_at: float
    ended_at: float | None = None
    ending: str = ""


def note(what: str, task_id: str, attempt: int) -> None:
    """Append one line; short O_APPEND writes do not mix."""
    handle = os.open(os.environ[FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, f"{what} {task_id} {attempt} {os.getpid()} {monotonic():.6f}\n".encode())
    finally:
        os.close(handle)


def read_runs(path: Path) -> list[Run]:
    """All runs, in the order of their starts."""
    runs: list[Run] = []
    open_runs: dict[tuple[str, int, int], Run] = {}
    for line in path.read_text().splitlines():
        what, task_id, attempt, pid, at = line.split()
        key = (task_id, int(attempt), int(pid))
        if what == "start":
            runs.append(Run(*key, float(at)))
            open_runs[key] = runs[-1]
        else:
            run = open_runs.pop(key)
            run.ended_at, run.ending = float(at), what
    return runs
