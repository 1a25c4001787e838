"""Reads: one task, pages of tasks, the overview, the registry of task types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from shared.codec import decode, read_task
from shared.errors import InvalidInput, NotFound, StoreUnavailable
from shared.ids import ALPHABET, derived_id, is_task_id
from shared.keys import Keys
from shared.models import (
    LETTER_OF,
    LETTERS,
    NAME,
    TERMINAL_STATUSES,
    ErrorGroup,
    Overview,
    QueueInfo,
    Task,
    TaskPage,
    TaskStatus,
    TaskType,
    TypeRegistry,
    VersionStart,
    WorkerInfo,
    instant,
)
from shared.queue.base import QueueBase, together
from shared.queue.cursors import (
    ANY_TASK,
    MAX_MEMBER,
    MAX_SPOT_MEMBER,
    Cursor,
    TaskFilter,
    alien_cursor,
    rank,
    read_cursor,
    write_cursor,
)
from shared.queue.exchange import PRESENCE_MS
from shared.queue.limiting import read_limit
from shared.queue.merging import EXHAUSTED, START, Part, Spot, merged
from shared.sealing import Sealer

#: A count of pending or scheduled tasks carries what was submitted lately as multiples of it (scripts/lib/counts.lua).
SUBMITTED = 1 << 26
#: Scores of pending tasks, from one priority to the next (scripts/lib/clock.lua).
PRIORITY_SPAN = 1 << 49
#: Indexes that one page may look into before it comes back short, with a cursor.
MAX_INDEXES = 8


class Inspection(QueueBase):
    """Operations that only read."""

    async def get(self, task_id: str) -> Task:
        """One task with its bodies; one Redis call.

        Raises:
            NotFound: no task of that id is kept.
        """
        keys = self.keys_of_task(task_id)
        record, payload, result = await self._command(
            "MGET", keys.task(task_id), keys.payload(task_id), keys.result(task_id)
        )
        if record is None:
            raise not_kept(task_id)
        return read_task(task_id, record, payload, result, sealer=self.options.sealer)

    async def status(self, task_id: str) -> TaskStatus:
        """The status alone: one byte of the record; one Redis call.

        Raises:
            NotFound: no task of that id is kept.
        """
        letter = await self._command("GETRANGE", self.keys_of_task(task_id).task(task_id), "0", "0")
        if letter == "":
            raise not_kept(task_id)
        return LETTERS[letter]

    async def list_tasks(
        self, wanted: TaskFilter = ANY_TASK, *, limit: int = 50, cursor: str = ""
    ) -> TaskPage:
        """A page of tasks: running first, then pending in order of service, due ones, ended ones.

        Ended tasks come dead, cancelled, completed, each the newest first; those of an error by id, the latest
        submission first. A page may be short and still have a successor. Bodies over 16 KiB are left out and named
        in `omitted`. Running tasks come shard by shard, what is due and what has ended in one order over all
        shards; a page costs its price for each shard, but for pending tasks and with a filter by queue. That price
        is three calls for a page out of one index; of pending tasks or any status four, where a filter looks into
        records or the index of the cursor ends.

        Args:
            wanted: filter; what no index answers is looked for among at most 1,000 tasks per index and page.
            limit: 1 to 1,000.
            cursor: `next_cursor` of the page before.

        Raises:
            InvalidInput: the cursor is none of ours, or no index answers the filter.
            CursorMismatch: it was made for other filters.
        """
        start = read_cursor(cursor, wanted) if cursor else None
        wanted.check()
        if not wanted.can_match:
            return TaskPage(tasks=[], next_cursor=None)
        tasks: list[Task] = []
        if start:
            # Which other indexes there are costs a call: mostly the page ends in this one.
            tasks, following = await self._read_index(start, wanted, limit)
            if following:
                return TaskPage(tasks=tasks, next_cursor=write_cursor(following, wanted))
        indexes = await self._indexes(wanted)
        if start:
            # The index of the cursor may be empty by now; what came before it was shown.
            indexes = [name for name in indexes if rank(name) > rank(start.place)]
        for count, name in enumerate(indexes, start=1 if start else 0):
            if len(tasks) >= limit or count == MAX_INDEXES:
                return TaskPage(tasks=tasks, next_cursor=write_cursor(Cursor(name), wanted))
            found, following = await self._read_index(Cursor(name), wanted, limit - len(tasks))
            # One that moved on while this page was read stands in two indexes: it is shown as it was seen last.
            tasks = list({task.id: task for task in [*tasks, *found]}.values())
            if following:
                return TaskPage(tasks=tasks, next_cursor=write_cursor(following, wanted))
        return TaskPage(tasks=tasks, next_cursor=None)

    async def overview(self) -> Overview:
        """Counts, queues, live workers and the oldest pending task, in one read a shard."""
        replies = await together(
            self._run(
                "overview",
                queues=keys.queues,
                workers=keys.workers,
                timers=keys.timers,
                prefix=keys.prefix,
            )
            for keys in self.shards
        )
        queues = sorted(
            (one for reply in replies for one in _queues(reply[2], reply[4])), key=lambda one: one.name
        )
        names = [status.value for status in LETTER_OF]
        # Each shard may be on a server with a clock of its own: its ages are told by that.
        ages = [max(0, now_ms - min(oldest[1::2])) for _, now_ms, _, _, oldest in replies if oldest]
        return Overview(
            now=instant(max(reply[1] for reply in replies)),
            counts={name: sum(getattr(queue, name) for queue in queues) for name in names},
            queues=queues,
            workers=_workers(reply[3] for reply in replies),
            oldest_pending_seconds=max(ages) / 1000 if ages else None,
            versions=_versions(replies[0][2]),
        )

    async def error_groups(self, limit: int = 50) -> list[ErrorGroup]:
        """Dead tasks by the fingerprint of their error, the latest deaths first; at most 100 groups."""
        most = max(1, min(limit, 100))
        replies = await together(
            self._run(
                "groups",
                done=keys.done,
                groups=keys.groups,
                prefix=keys.prefix,
                limit=str(most),
            )
            for keys in self.shards
        )
        sealer = self.options.sealer
        groups = [group for reply in replies for group in _groups(reply[2], sealer)]
        return _summed(groups)[:most] if len(replies) > 1 else groups

    async def group_ids(self, fingerprint: str, *, after: str = "", limit: int = 100) -> list[str]:
        """Ids of a group's dead tasks after the id `after`, oldest first in each shard; one call a shard."""
        if not NAME.fullmatch(fingerprint):
            raise InvalidInput("fingerprint", "is none of ours.", "Use one of GET /api/dead-letters/groups.")
        ids: list[str] = []
        # Ids begin with their shard: in their order one shard comes after the other.
        for keys in self.shards[_shard_of(after) :]:
            low = f"({fingerprint}:{after}" if after else f"[{fingerprint}:"
            members = await self._command(
                "ZRANGE", keys.groups, low, f"({fingerprint};", "BYLEX", "LIMIT", "0", str(limit - len(ids))
            )
            found = [str(member).rpartition(":")[2] for member in members]
            if not all(map(is_task_id, found)):
                raise StoreUnavailable(f"Redis answered nonsense to ZRANGE: {str(members)[:80]!r}")
            ids += found
            if len(ids) == limit:
                break
        return ids

    async def task_types(self, key_uses: Mapping[str, int] | None = None) -> TypeRegistry:
        """All published task types, and which of them live workers know; one call a shard.

        Args:
            key_uses: API keys and when they were used last, ms; noted by the way.

        Raises:
            ShardsDiffer: the namespace has another number of shards.
        """
        uses = [word for name, at_ms in (key_uses or {}).items() for word in (name, str(at_ms))]
        replies = await together(
            self._run(
                "types",
                types=keys.types,
                workers=keys.workers,
                timers=keys.timers,
                key_uses=keys.key_uses,
                item=uses if keys.shard == 0 else [],
            )
            for keys in self.shards
        )
        stored = {name: text for reply in replies for name, text in _pairs(reply[2]).items()}
        if "!shards" in stored:
            self._check_shards(int(stored.pop("!shards")))
        published = {
            name: TaskType.model_validate({"name": name, **decode(text)}) for name, text in stored.items()
        }
        workers = [text for reply in replies for text in reply[3]]
        live = {name for text in workers for name in decode(text)["types"]}
        return TypeRegistry(types=published, live_types=frozenset(live), has_live_workers=bool(workers))

    async def type_descriptions(self, names: Sequence[str]) -> dict[str, list[str]]:
        """What workers published of some task types, as JSON texts: one of each shard that knows it, often none."""
        self.calls += len(self.shards)
        replies = await together(self.transport.command("HMGET", keys.types, *names) for keys in self.shards)
        return {name: [reply[i] for reply in replies if reply[i] is not None] for i, name in enumerate(names)}

    async def ping(self) -> None:
        """Ask whether Redis serves; a full disk answers with an error here.

        Raises:
            StoreError: it does not.
        """
        reply = await self.transport.command("PING")
        self.calls += 1
        if reply not in ("PONG", b"PONG", True):
            raise StoreUnavailable(f"Redis answered {str(reply)[:80]!r} to PING")

    def _tasks(self, flat: list[str]) -> list[Task]:
        sealer = self.options.sealer
        return [read_task(flat[i], flat[i + 1], sealer=sealer) for i in range(0, len(flat), 2)]

    async def _indexes(self, wanted: TaskFilter) -> list[str]:
        """The indexes that can hold what is wanted; counts tell which are empty."""
        if wanted.is_named:
            return ["named"]
        if wanted.fingerprint is not None:
            return ["group"]
        if wanted.status in TERMINAL_STATUSES:
            return ["done"]
        if wanted.status in (TaskStatus.SCHEDULED, TaskStatus.RETRYING):
            return ["timers"]
        if wanted.status is TaskStatus.RUNNING:
            return ["running"]
        if wanted.status is TaskStatus.WAITING:
            return []
        fields: dict[str, str] = {}
        totals = dict.fromkeys("RSYCDX", 0)
        for part in await together(self._counts_in(keys) for keys in self._homes("queues", wanted)):
            fields |= part
            for letter in totals:
                totals[letter] += sum(int(v) % SUBMITTED for f, v in part.items() if f.endswith(f":{letter}"))
        pending = _pending_indexes(fields, wanted)
        if wanted.status is TaskStatus.PENDING:
            return pending
        indexes = ["running"] if totals["R"] else []
        indexes += pending
        indexes += ["timers"] if totals["S"] or totals["Y"] else []
        return [*indexes, "done"] if totals["C"] or totals["D"] or totals["X"] else indexes

    async def _counts_in(self, keys: Keys) -> dict[str, str]:
        flat = await self._command("HGETALL", keys.queues)
        return _pairs(flat)

    def _homes(self, place: str, wanted: TaskFilter) -> Sequence[Keys]:
        """The shards that can hold what is wanted of an index."""
        queue = place.split(":")[1] if _is_by_queue(place) else wanted.queue
        return self.shards if queue is None else [self.keys_of_queue(queue)]

    async def _read_index(
        self, at: Cursor, wanted: TaskFilter, limit: int
    ) -> tuple[list[Task], Cursor | None]:
        homes = self._homes(at.place, wanted)
        if at.place == "named":
            return await self._read_named(at.position, wanted, limit)
        if at.place in ("running", "group"):
            return await self._read_by_id(at, homes, wanted, limit)
        if len(homes) == 1:
            start = Spot(at.position, at.member, at.skip)
            part = await self._read_part(homes[0], at.place, start, wanted, limit)
            return part.tasks, Cursor(at.place, *part.following) if part.following else None
        starts = at.spots or [START] * len(homes)
        if len(starts) != len(homes):
            raise alien_cursor()
        parts = await together(
            self._read_part(keys, at.place, spot, wanted, limit, tell_spots=True)
            for keys, spot in zip(homes, starts, strict=True)
        )
        tasks, spots = merged(parts, limit, is_descending=at.place == "done")
        return tasks, Cursor(at.place, spots=spots) if spots else None

    async def _read_named(
        self, after: str, wanted: TaskFilter, limit: int
    ) -> tuple[list[Task], Cursor | None]:
        """The few tasks that a schedule or a key names; two calls a shard."""
        if wanted.schedule is not None:
            words = await together(
                self._command("HGET", keys.schedules, f"{wanted.schedule}:l") for keys in self.shards
            )
            ids = [word for text in words if text for word in text.split() if word != "-"]
        else:
            ids = await self._ids_of_key(wanted.queue or "", wanted.key or "")
        if after:
            ids = ids[ids.index(after) + 1 :] if after in ids else []
        if not ids:
            return [], None
        found = await together(
            self._records(self.shards[shard], [one for one in ids if _shard_of(one) == shard])
            for shard in sorted(set(map(_shard_of, ids)))
        )
        by_id = {task.id: task for part in found for task in part}
        kept = [by_id[one] for one in ids if one in by_id and wanted.takes(by_id[one])]
        return kept[:limit], Cursor("named", kept[limit - 1].id) if len(kept) > limit else None

    async def _ids_of_key(self, queue: str, key: str) -> list[str]:
        """What was submitted with the key, and what has it as its unique key now."""
        keys, word = self.keys_of_queue(queue), quote(key, safe="")
        holders = await self._command(
            "MGET", *(f"{keys.prefix}{kind}:{queue}:{word}" for kind in ("unique", "throttle", "debounce"))
        )
        named = [derived_id(keys.shard, queue, key), *(holder for holder in holders if holder)]
        return list(dict.fromkeys(named))

    async def _records(self, keys: Keys, ids: Sequence[str]) -> list[Task]:
        texts = await self._command("MGET", *map(keys.task, ids))
        return self._tasks([word for pair in zip(ids, texts, strict=True) if pair[1] for word in pair])

    async def _read_by_id(
        self, at: Cursor, homes: Sequence[Keys], wanted: TaskFilter, limit: int
    ) -> tuple[list[Task], Cursor | None]:
        """One shard after the other, as an id begins with its shard."""
        tasks: list[Task] = []
        after, first = at.position, _shard_of(at.position)
        for keys in homes:
            if keys.shard < first:
                continue
            if len(tasks) == limit:
                return tasks, Cursor(at.place, tasks[-1].id)
            here = after if after and keys.shard == first else ""
            words = {
                "prefix": keys.prefix,
                "after": here,
                "limit": str(limit - len(tasks)),
                "queue": wanted.queue or "",
                "kind": wanted.task_type or "",
                **_created(wanted),
            }
            if at.place == "running":
                reply = await self._run(
                    "list_running",
                    queues=keys.queues,
                    workers=keys.workers,
                    worker=wanted.worker or "",
                    **words,
                )
            else:
                reply = await self._run(
                    "list_group", groups=keys.groups, group=wanted.fingerprint or "", **words
                )
            tasks += self._tasks(reply[1])
            if reply[2]:
                return tasks, Cursor(at.place, reply[2])
        return tasks, None

    async def _read_part(
        self,
        keys: Keys,
        place: str,
        start: Spot | None,
        wanted: TaskFilter,
        limit: int,
        *,
        tell_spots: bool = False,
    ) -> Part:
        """What one shard has of an index from `start` on; nothing when that is None."""
        if start is None:
            return EXHAUSTED
        lowest, end = _priority_range(place, wanted.priority)
        most = MAX_SPOT_MEMBER if tell_spots else MAX_MEMBER
        if start == START and _is_counted(wanted) and _takes_all(place, wanted):
            return await self._read_first(keys, place, (lowest, end), wanted, limit, most)
        _, flat, *following, spots = await self._run(
            "list_index",
            index=keys.prefix + place,
            prefix=keys.prefix,
            order="desc" if place == "done" else "asc",
            **{"from": start.score or lowest},
            before=end,
            member=start.member,
            skip=str(start.skip),
            limit=str(limit),
            status=LETTER_OF[wanted.status] if wanted.status and place in ("timers", "done") else "",
            queue="" if _is_by_queue(place) else wanted.queue or "",
            kind=wanted.task_type or "",
            priority=str(wanted.priority) if wanted.priority and not end else "",
            spots="1" if tell_spots else "0",
            **_created(wanted),
        )
        return Part(
            self._tasks(flat),
            [_spot(spots[i : i + 3], most) for i in range(0, len(spots), 3)],
            _spot(following, most) if following[0] else None,
        )

    async def _read_first(
        self, keys: Keys, place: str, scores: tuple[str, str], wanted: TaskFilter, limit: int, most: int
    ) -> Part:
        """The same from the start of an index of which all is wanted: two plain commands, where a script costs three.

        With the call that told of the index the page costs three. What moves on between the two is seen as the
        second finds it.
        """
        lowest, end = scores
        bounds = [lowest or "-inf", f"({end}" if end else "+inf"]
        order = ["BYSCORE"]
        if place == "done":
            bounds.reverse()
            order.append("REV")
        reply = await self._command(
            "ZRANGE", keys.prefix + place, *bounds, *order, "LIMIT", "0", str(limit + 1), "WITHSCORES"
        )
        scored = _scored(reply)
        if place == "done":
            scored = [one for one in scored if is_task_id(one[0])]  # behind all tasks come groups of errors
        shown = scored[:limit]
        if not shown:
            return EXHAUSTED
        spots, here = [], START
        for member, score in shown:
            if score != here.score:
                here = Spot(score)
            spots.append(_spot(here, most))
            here = Spot(score, member, here.skip + 1)
        spot_of = {_id_in(member, place): spot for (member, _), spot in zip(shown, spots, strict=True)}
        tasks = [task for task in await self._records(keys, list(spot_of)) if wanted.takes(task)]
        following = _spot(here, most) if len(scored) > limit else None
        return Part(tasks, [spot_of[task.id] for task in tasks], following)


def not_kept(task_id: str) -> NotFound:
    """What is said of a task that is not there."""
    return NotFound(f"Task {task_id} is not kept. Ended tasks are removed after their retention.")


def _priority_range(index: str, priority: int | None) -> tuple[str, str]:
    """The score to begin with and the one to end before, of an index that is sorted by priority."""
    by_key = index.startswith("parked:") and index.count(":") == 1  # sorted by limit key
    if priority is None or by_key or not _is_by_queue(index):
        return "", ""
    return str((10 - priority) * PRIORITY_SPAN), str((11 - priority) * PRIORITY_SPAN)


def _is_counted(wanted: TaskFilter) -> bool:
    """Whether only the counts tell which indexes can hold what is wanted."""
    return wanted.status in (None, TaskStatus.PENDING)


def _takes_all(place: str, wanted: TaskFilter) -> bool:
    """Whether all is wanted that an index has, in the range of a priority."""
    is_by_queue = _is_by_queue(place)
    return (
        wanted.task_type is None
        and wanted.created_after_ms is None
        and wanted.created_before_ms is None
        and (wanted.queue is None or is_by_queue)
        and (wanted.priority is None or _priority_range(place, wanted.priority) != ("", ""))
    )


def _pending_indexes(fields: dict[str, str], wanted: TaskFilter) -> list[str]:
    """Sorted indexes of pending tasks that are not empty."""
    indexes = set()
    for field, value in fields.items():
        name, _, kind = field.rpartition(":")
        if wanted.queue not in (None, name):
            continue
        if kind.isdigit() and wanted.priority in (None, int(kind)) and int(value) % SUBMITTED > 0:
            indexes.add(f"pending:{name}")
        elif kind == "!":
            control = decode(value)
            indexes |= {f"parked:{name}:{task_type}" for task_type in control.get("parked", {})}
            indexes |= {f"parked:{name}"} if "keyed" in control else set()
    return sorted(indexes, key=rank)


def _shard_of(after: str) -> int:
    """The shard of the id that a page ended with; the first one before any page."""
    return max(0, ALPHABET.find(after[:1]))


def _is_by_queue(index: str) -> bool:
    return index.startswith(("pending:", "parked:"))


def _scored(reply: Any) -> list[tuple[str, str]]:
    """Members and scores: in turn as a server answers, in pairs as the SDK for REST makes them."""
    if reply and isinstance(reply[0], str):
        return list(zip(reply[::2], reply[1::2], strict=True))
    return [(member, str(score)) for member, score in reply]


def _id_in(member: str, place: str) -> str:
    """The id of the task that a member of an index stands for; "" where it stands for none."""
    if place == "timers":
        return member.split(":", 2)[1] if member.startswith("t:") else ""
    return member.rpartition(":")[2]  # what is parked by its limit key has that before it


def _spot(words: Sequence[Any], most: int) -> Spot:
    """From score, member and count. A member that is cut off stands before all that it begins.

    Only timers that are no tasks have members so long: a page that passes them again shows nothing twice.
    """
    score, member, skip = words
    return Spot(score, member[:most], skip)


def _created(wanted: TaskFilter) -> dict[str, str]:
    bounds = {"created_after": wanted.created_after_ms, "created_before": wanted.created_before_ms}
    return {name: "" if ms is None else str(ms) for name, ms in bounds.items()}


def _pairs(flat: Any) -> dict[str, str]:
    return flat if isinstance(flat, dict) else {flat[i]: flat[i + 1] for i in range(0, len(flat), 2)}


def _versions(flat: list[str]) -> list[VersionStart]:
    """When versions of workers began, from the fields of the hash `queues`."""
    begun = _pairs(flat).get("*:v", "")
    starts = (one.split(" ", 1) for one in begun.split("|") if one)
    return [VersionStart(version=version, at=instant(int(ms))) for ms, version in starts]


def _queues(flat: list[str], oldest: list[Any]) -> list[QueueInfo]:
    """Queues from the fields of the hash `queues`, and since when the first task of some fields waits, ms."""
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
        queue = queues.setdefault(name, {"pending": 0, "pending_by_priority": {}})
        if kind == "K":
            queue["parked"] = int(value)
            queue["pending"] += queue["parked"]
        elif kind.isdigit():
            count = int(value) % SUBMITTED
            queue["pending"] += count
            if count:
                queue["pending_by_priority"][int(kind)] = count
        elif kind == "!":
            queue |= _control(decode(value))
        else:
            queue[names[kind]] = int(value) % SUBMITTED
    for queue in queues.values():
        queue["pending_by_priority"] = dict(sorted(queue["pending_by_priority"].items(), reverse=True))
    for field, since_ms in zip(oldest[::2], oldest[1::2], strict=True):
        name, _, priority = field.rpartition(":")
        queues[name].setdefault("oldest_by_priority", {})[int(priority)] = instant(since_ms)
    return [QueueInfo(name=name, **queue) for name, queue in sorted(queues.items())]


def _control(control: dict[str, Any]) -> dict[str, Any]:
    limits = {"limit": control.get("limit"), "key_limit": control.get("key")}
    paused = control.get("paused")
    if paused:
        at = instant(float(paused["at"])).isoformat(timespec="milliseconds")
        paused = {**paused, "at": at.replace("+00:00", "Z")}
    return {"paused": paused} | {name: read_limit(text) for name, text in limits.items() if text}


def _workers(parts: Iterable[list[str]]) -> list[WorkerInfo]:
    """Workers from name, JSON and end of presence; one that several shards know is there until the last."""
    found: dict[str, tuple[str, float]] = {}
    for flat in parts:
        for i in range(0, len(flat), 3):
            name, text, until_ms = flat[i], flat[i + 1], float(flat[i + 2])
            found[name] = (text, max(until_ms, found[name][1] if name in found else 0))
    return [_worker(name, decode(text), until_ms) for name, (text, until_ms) in found.items()]


def _worker(name: str, told: dict[str, Any], until_ms: float) -> WorkerInfo:
    worker = WorkerInfo.model_validate({**told, "name": name, "expires_at": instant(until_ms)})
    if worker.lease_seconds is not None:
        worker.presence_seconds = PRESENCE_MS / 1000 + worker.lease_seconds
    return worker


def _groups(flat: list[str], sealer: Sealer | None) -> list[ErrorGroup]:
    return [
        ErrorGroup(
            fingerprint=flat[i],
            count=int(flat[i + 1]),
            last_at=instant(float(flat[i + 2])),
            task=read_task(flat[i + 3], flat[i + 4], sealer=sealer),
        )
        for i in range(0, len(flat), 5)
        if flat[i + 4]
    ]


def _summed(groups: list[ErrorGroup]) -> list[ErrorGroup]:
    """Groups of several shards, those of one error as one; the latest deaths first."""
    found: dict[str, ErrorGroup] = {}
    for group in sorted(groups, key=lambda one: one.last_at, reverse=True):
        newest = found.setdefault(group.fingerprint, group)
        if newest is not group:
            total = newest.count + group.count
            found[group.fingerprint] = newest.model_copy(update={"count": total})
    return list(found.values())
