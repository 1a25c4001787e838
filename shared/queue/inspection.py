"""Reads: one task, pages of tasks, the overview, the registry of task types."""

from __future__ import annotations

from typing import Any

from shared.codec import decode, read_task
from shared.errors import InvalidInput, NotFound, StoreUnavailable
from shared.models import (
    LETTER_OF,
    LETTERS,
    NAME,
    ErrorGroup,
    Overview,
    QueueInfo,
    Task,
    TaskPage,
    TaskStatus,
    TaskType,
    TypeRegistry,
    WorkerInfo,
    instant,
)
from shared.queue.base import QueueBase
from shared.queue.cursors import ANY_TASK, Cursor, TaskFilter, rank, read_cursor, write_cursor
from shared.queue.limiting import read_limit

#: Indexes that one page may look into before it comes back short, with a cursor.
MAX_INDEXES = 8
_ENDED = {TaskStatus.DEAD: "D", TaskStatus.CANCELLED: "X", TaskStatus.COMPLETED: "C"}


class Inspection(QueueBase):
    """Operations that only read."""

    async def get(self, task_id: str) -> Task:
        """One task with its bodies; one Redis call.

        Raises:
            NotFound: no task of that id is kept.
        """
        record, payload, result = await self._command(
            "MGET", self.keys.task(task_id), self.keys.payload(task_id), self.keys.result(task_id)
        )
        if record is None:
            raise _not_kept(task_id)
        return read_task(task_id, record, payload, result)

    async def status(self, task_id: str) -> TaskStatus:
        """The status alone: one byte of the record; one Redis call.

        Raises:
            NotFound: no task of that id is kept.
        """
        letter = await self._command("GETRANGE", self.keys.task(task_id), "0", "0")
        if letter == "":
            raise _not_kept(task_id)
        return LETTERS[letter]

    async def list_tasks(
        self, wanted: TaskFilter = ANY_TASK, *, limit: int = 50, cursor: str = ""
    ) -> TaskPage:
        """A page of tasks: running first, then pending in order of service, due ones, ended ones.

        Ended tasks come newest first. A page may be short and still have a successor. Bodies over
        16 KiB are left out and named in `omitted`.

        Args:
            wanted: filter; what no index answers is looked for among at most 1,000 tasks per index and page.
            limit: 1 to 1,000.
            cursor: `next_cursor` of the page before.

        Raises:
            InvalidInput: the cursor is none of ours.
            CursorMismatch: it was made for other filters.
        """
        start = read_cursor(cursor, wanted) if cursor else None
        if not wanted.can_match:
            return TaskPage(tasks=[], next_cursor=None)
        indexes = await self._indexes(wanted)
        if start:
            # The index of the cursor may be empty by now; what came before it was shown.
            later = [name for name in indexes if rank(name) > rank(start.place)]
            indexes = [start.place, *later]
        tasks: list[Task] = []
        for count, name in enumerate(indexes):
            if count == MAX_INDEXES:
                return TaskPage(tasks=tasks, next_cursor=write_cursor(Cursor(name), wanted))
            at = start if start and name == start.place else Cursor(name)
            found, following = await self._read_index(at, wanted, limit - len(tasks))
            tasks += found
            if following:
                return TaskPage(tasks=tasks, next_cursor=write_cursor(following, wanted))
            if len(tasks) >= limit:
                rest = indexes[count + 1 :]
                after = write_cursor(Cursor(rest[0]), wanted) if rest else None
                return TaskPage(tasks=tasks, next_cursor=after)
        return TaskPage(tasks=tasks, next_cursor=None)

    async def overview(self) -> Overview:
        """Counts, queues, live workers and the oldest pending task, in one read."""
        _, now_ms, fields, workers, oldest_ms = await self._run(
            "overview",
            queues=self.keys.queues,
            workers=self.keys.workers,
            timers=self.keys.timers,
            prefix=self.keys.prefix,
        )
        queues = _queues(fields)
        names = [status.value for status in LETTER_OF]
        return Overview(
            now=instant(now_ms),
            counts={name: sum(getattr(queue, name) for queue in queues) for name in names},
            queues=queues,
            workers=[
                _worker(workers[i], workers[i + 1], float(workers[i + 2])) for i in range(0, len(workers), 3)
            ],
            oldest_pending_seconds=max(0, now_ms - oldest_ms) / 1000 if oldest_ms else None,
        )

    async def error_groups(self, limit: int = 50) -> list[ErrorGroup]:
        """Dead tasks by the fingerprint of their error, the latest deaths first; at most 100 groups."""
        _, _, flat = await self._run(
            "groups",
            errors=self.keys.errors,
            groups=self.keys.groups,
            prefix=self.keys.prefix,
            limit=str(max(1, min(limit, 100))),
        )
        return [
            ErrorGroup(
                fingerprint=flat[i],
                count=int(flat[i + 1]),
                last_at=instant(float(flat[i + 2])),
                task=read_task(flat[i + 3], flat[i + 4]),
            )
            for i in range(0, len(flat), 5)
            if flat[i + 4]
        ]

    async def group_ids(self, fingerprint: str, *, after: str = "", limit: int = 100) -> list[str]:
        """Ids of a group's dead tasks after the id `after`, oldest first; one Redis call."""
        if not NAME.fullmatch(fingerprint):
            raise InvalidInput("fingerprint", "is none of ours.", "Use one of GET /api/dead-letters/groups.")
        low = f"({fingerprint}:{after}" if after else f"[{fingerprint}:"
        members = await self._command(
            "ZRANGE", self.keys.groups, low, f"({fingerprint};", "BYLEX", "LIMIT", "0", str(limit)
        )
        return [member.rpartition(":")[2] for member in members]

    async def task_types(self) -> TypeRegistry:
        """All published task types, and which of them live workers know."""
        _, _, types, workers = await self._run(
            "types", types=self.keys.types, workers=self.keys.workers, timers=self.keys.timers
        )
        published = {
            types[i]: TaskType.model_validate({"name": types[i], **decode(types[i + 1])})
            for i in range(0, len(types), 2)
        }
        live = {name for text in workers for name in decode(text)["types"]}
        return TypeRegistry(types=published, live_types=frozenset(live), has_live_workers=bool(workers))

    async def ping(self) -> None:
        """Ask whether Redis serves; a full disk answers with an error here.

        Raises:
            StoreError: it does not.
        """
        reply = await self._command("PING")
        if reply not in ("PONG", b"PONG", True):
            raise StoreUnavailable(f"Redis answered {str(reply)[:80]!r} to PING")

    async def _indexes(self, wanted: TaskFilter) -> list[str]:
        """The indexes that can hold what is wanted; counts tell which are empty."""
        if wanted.status in _ENDED:
            return [f"done:{wanted.status}"]
        if wanted.status in (TaskStatus.SCHEDULED, TaskStatus.RETRYING):
            return ["timers"]
        if wanted.status is TaskStatus.RUNNING:
            return ["running"]
        if wanted.status is TaskStatus.WAITING:
            return []
        flat = await self._command("HGETALL", self.keys.queues)
        fields = _pairs(flat)
        pending = _pending_indexes(fields, wanted.queue)
        if wanted.status is TaskStatus.PENDING:
            return pending
        totals = {
            letter: sum(int(v) for f, v in fields.items() if f.endswith(f":{letter}")) for letter in "RSYCDX"
        }
        indexes = ["running"] if totals["R"] else []
        indexes += pending
        indexes += ["timers"] if totals["S"] or totals["Y"] else []
        return indexes + [f"done:{status}" for status, letter in _ENDED.items() if totals[letter]]

    async def _read_index(
        self, at: Cursor, wanted: TaskFilter, limit: int
    ) -> tuple[list[Task], Cursor | None]:
        queue, kind = wanted.queue or "", wanted.task_type or ""
        created = {
            "created_after": _text(wanted.created_after_ms),
            "created_before": _text(wanted.created_before_ms),
        }
        if at.place == "running":
            _, flat, last = await self._run(
                "list_running",
                workers=self.keys.workers,
                prefix=self.keys.prefix,
                after=at.position,
                limit=str(limit),
                queue=queue,
                kind=kind,
                **created,
            )
            return _tasks(flat), Cursor("running", last) if last else None
        is_by_queue = at.place.startswith(("pending:", "parked:"))
        _, flat, score, member, skip = await self._run(
            "list_index",
            index=self.keys.prefix + at.place,
            prefix=self.keys.prefix,
            order="desc" if at.place.startswith("done:") else "asc",
            **{"from": at.position},
            member=at.member,
            skip=str(at.skip),
            limit=str(limit),
            status=LETTER_OF[wanted.status] if wanted.status and at.place == "timers" else "",
            queue="" if is_by_queue else queue,
            kind=kind,
            **created,
        )
        return _tasks(flat), Cursor(at.place, score, member, skip) if score else None


def _not_kept(task_id: str) -> NotFound:
    return NotFound(f"Task {task_id} is not kept. Ended tasks are removed after their retention.")


def _pending_indexes(fields: dict[str, str], queue: str | None) -> list[str]:
    """Sorted indexes of pending tasks that are not empty."""
    indexes = set()
    for field, value in fields.items():
        name, _, kind = field.rpartition(":")
        if queue is not None and name != queue:
            continue
        if kind.isdigit() and int(value) > 0:
            indexes.add(f"pending:{name}")
        elif kind == "!":
            control = decode(value)
            indexes |= {f"parked:{name}:{task_type}" for task_type in control.get("parked", {})}
            indexes |= {f"parked:{name}"} if "keyed" in control else set()
    return sorted(indexes, key=rank)


def _text(ms: int | None) -> str:
    return "" if ms is None else str(ms)


def _tasks(flat: list[str]) -> list[Task]:
    return [read_task(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]


def _pairs(flat: Any) -> dict[str, str]:
    return flat if isinstance(flat, dict) else {flat[i]: flat[i + 1] for i in range(0, len(flat), 2)}


def _queues(flat: list[str]) -> list[QueueInfo]:
    """Queues from the fields of the hash `queues`."""
    names = {
        "R": "running",
        "S": "scheduled",
        "Y": "retrying",
        "C": "completed",
        "D": "dead",
        "X": "cancelled",
    }
    queues: dict[str, dict[str, Any]] = {}
    for field, value in _pairs(flat).items():
        name, _, kind = field.rpartition(":")
        if name == "*":
            continue
        queue = queues.setdefault(name, {"pending": 0})
        if kind.isdigit() or kind == "K":
            queue["pending"] += int(value)
            queue["parked"] = int(value) if kind == "K" else queue.get("parked", 0)
        elif kind == "!":
            queue |= _control(decode(value))
        else:
            queue[names[kind]] = int(value)
    return [QueueInfo(name=name, **queue) for name, queue in sorted(queues.items())]


def _control(control: dict[str, Any]) -> dict[str, Any]:
    limits = {"limit": control.get("limit"), "key_limit": control.get("key")}
    return {"paused": control.get("paused")} | {
        name: read_limit(text) for name, text in limits.items() if text
    }


def _worker(name: str, text: str, until_ms: float) -> WorkerInfo:
    return WorkerInfo.model_validate({**decode(text), "name": name, "expires_at": instant(until_ms)})
