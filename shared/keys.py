"""Every key name, once. All keys of a shard share one hash tag, so a script runs on one cluster node."""

from __future__ import annotations

from zlib import crc32

#: An id names its shard by one character of base 32.
MAX_SHARDS = 32


def shard_of_queue(queue: str, shards: int) -> int:
    """The shard in which a queue lives for ever: never change this, or stored tasks are not found."""
    return crc32(queue.encode()) % shards


class Keys:
    """The keys of one shard of one namespace.

    Args:
        namespace: prefix of every key; keeps a preview deployment away from production's tasks.
        shard: number of the shard, 0 to 31.
    """

    __slots__ = (
        "alerts",
        "alerts_turn",
        "audit",
        "cost",
        "done",
        "durable",
        "events",
        "groups",
        "jobs",
        "key_uses",
        "limits",
        "prefix",
        "queues",
        "rates",
        "repairs",
        "schedules",
        "shard",
        "timers",
        "types",
        "wakes",
        "workers",
    )

    def __init__(self, namespace: str, shard: int = 0) -> None:
        self.shard = shard
        #: what every key begins with; the braces are the cluster's hash tag
        self.prefix = f"{{{namespace}:{shard}}}:"
        #: hash; counts by queue and status, and the control object of a queue; no TTL
        self.queues = self.prefix + "queues"
        #: zset; everything that falls due, score ms; no TTL
        self.timers = self.prefix + "timers"
        #: stream, about 128 entries; wake-ups for waiting workers
        self.wakes = self.prefix + "wakes"
        #: stream, about 10,000 entries; what changed, for the live feed
        self.events = self.prefix + "events"
        #: string; written to ask whether all that was written before is on disk, with strict durability
        self.durable = self.prefix + "durable"
        #: zset; what ended by when it expires, and groups of errors by their last death, see `scripts/lib/bands.lua`
        self.done = self.prefix + "done"
        #: zset; <fingerprint>:<id> of dead tasks, all of score 0: a group is a range
        self.groups = self.prefix + "groups"
        #: hash; <queue>:<limit key> -> running and parked tasks, <queue>!<limit key> -> its own limit
        self.limits = self.prefix + "limits"
        #: zset; <queue> or <queue>:<limit key> -> ms at which its next start is on time; swept
        self.rates = self.prefix + "rates"
        #: hash; rule -> ms since when it fires; only in shard 0
        self.alerts = self.prefix + "alerts"
        #: string; there while somebody has looked lately whether rules fire
        self.alerts_turn = self.prefix + "alerts:turn"
        #: hash; <day since 1970>:<source> -> Redis calls; only in shard 0
        self.cost = self.prefix + "cost"
        #: zset; bulk operations, ended ones by the time of their end, others behind them
        self.jobs = self.prefix + "jobs"
        #: hash; state of the audit, and what audits repaired: n:<kind> -> number
        self.repairs = self.prefix + "repairs"
        #: hash, at most 256 fields; worker -> description
        self.workers = self.prefix + "workers"
        #: hash; recurring schedules: id -> definition, <id>:n next time, <id>:l last task, <id>:p why paused
        self.schedules = self.prefix + "schedules"
        #: stream, about 10,000 entries; who did what
        self.audit = self.prefix + "audit"
        #: hash, in shard 0; name of an API key -> last use, ms
        self.key_uses = self.prefix + "keys"
        #: hash; task type -> schema and defaults, published by workers; in shard 0 !shards -> how many there are
        self.types = self.prefix + "types"

    def task(self, task_id: str) -> str:
        """String; the record of a task, the truth about it."""
        return f"{self.prefix}t:{task_id}"

    def payload(self, task_id: str) -> str:
        """String; a payload over 16 KiB."""
        return f"{self.prefix}p:{task_id}"

    def result(self, task_id: str) -> str:
        """String; a result over 16 KiB."""
        return f"{self.prefix}o:{task_id}"

    def pending(self, queue: str) -> str:
        """Zset; pending tasks of a queue, score (10 - priority) * 2^49 + rank."""
        return f"{self.prefix}pending:{queue}"

    def parked(self, queue: str, task_type: str) -> str:
        """Zset; pending tasks of a type that the workers of the queue do not know."""
        return f"{self.prefix}parked:{queue}:{task_type}"

    def job(self, job_id: str) -> str:
        """Hash; a bulk operation, see `scripts/lib/job.lua`; expires a day after its end."""
        return f"{self.prefix}job:{job_id}"

    def scratch(self, mark: str, number: int) -> str:
        """Any type; what the doctor writes to see whether it can, and removes at once."""
        return f"{self.prefix}doctor:{mark}:{number}"

    def rate(self, kind: str, who: str) -> str:
        """String, expires; when somebody's allowance is whole again, µs since 2026."""
        return f"{self.prefix}rate:{kind}:{who}"
