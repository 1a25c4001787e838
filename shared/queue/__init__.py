"""`TaskQueue`: one async method per operation, each one script in one round trip."""

from __future__ import annotations

from shared.queue.alerting import Alerting
from shared.queue.audit import Audit
from shared.queue.base import QueueOptions
from shared.queue.bulk import Bulk
from shared.queue.exchange import Exchange, ExchangeReply, Outcome, WorkerState
from shared.queue.explaining import Explaining
from shared.queue.feed import Feed
from shared.queue.limiting import Limiting
from shared.queue.repair import AuditReport, Repair
from shared.queue.scheduling import DueSchedule, Scheduling
from shared.queue.spending import Spending
from shared.queue.submission import Allowance, Defaults, Submission
from shared.queue.throttle import Throttle

__all__ = [
    "Allowance",
    "AuditReport",
    "Defaults",
    "DueSchedule",
    "ExchangeReply",
    "Outcome",
    "QueueOptions",
    "TaskQueue",
    "WorkerState",
]


class TaskQueue(
    Scheduling,
    Submission,
    Exchange,
    Bulk,
    Repair,
    Limiting,
    Alerting,
    Explaining,
    Feed,
    Spending,
    Audit,
    Throttle,
):
    """The engine, over either transport.

    Submission: `submit`. Worker: `register`, `exchange`, `renew`, `leave`, `wait`. Control:
    `cancel`, `requeue`, `delete`, `edit`, `pause`, `resume`, `drain`, `tick`. Bulk operations: `begin_job`,
    `work_off`, `get_job`, `list_jobs`, `cancel_job`. Repair: `audit`, `audit_totals`. Limits: `limit_queue`,
    `limit_keys`, `limit_key`, `key_limit`, `key_limits`. Schedules: `save_schedule`, `schedules`, `fire`, `run_schedule`,
    `pause_schedule`, `resume_schedule`, `delete_schedule`. Reads: `get`, `list_tasks`, `overview`, `stats`, `task_types`,
    `explain`, `ping`. Events: `newest_event`, `events_after`, `events_wait`. Cost and alerts: `save_spent`,
    `alert_facts`, `keep_alerts`. Around them: `throttle`, `audit_log`, `note_action`, `key_uses`, `note_key_uses`.
    """
