"""`TaskQueue`: one async method per operation, each one script in one round trip."""

from __future__ import annotations

from shared.queue.base import QueueOptions
from shared.queue.control import Control
from shared.queue.exchange import Exchange, ExchangeReply, Outcome, WorkerState
from shared.queue.explaining import Explaining
from shared.queue.feed import Feed
from shared.queue.inspection import Inspection
from shared.queue.limiting import Limiting
from shared.queue.scheduling import DueSchedule, Scheduling
from shared.queue.submission import Defaults, Submission

__all__ = ["Defaults", "DueSchedule", "ExchangeReply", "Outcome", "QueueOptions", "TaskQueue", "WorkerState"]


class TaskQueue(Scheduling, Submission, Exchange, Control, Limiting, Inspection, Explaining, Feed):
    """The engine, over either transport.

    Submission: `submit`. Worker: `register`, `exchange`, `renew`, `leave`, `wait`. Control:
    `cancel`, `requeue`, `delete`, `edit`, `pause`, `resume`, `drain`, `tick`. Limits: `limit_queue`,
    `limit_keys`, `limit_key`, `key_limit`, `key_limits`. Schedules: `save_schedule`, `schedules`, `fire`,
    `run_schedule`, `pause_schedule`, `resume_schedule`, `delete_schedule`. Reads: `get`, `list_tasks`,
    `overview`, `task_types`, `explain`, `ping`. Events: `newest_event`, `events_after`, `events_wait`.
    """
