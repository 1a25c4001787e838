"""What producers and operators do to tasks: cancel; and maintenance without workers: tick."""

from __future__ import annotations

from shared.errors import Conflict
from shared.models import LETTERS, TaskStatus
from shared.queue.base import QueueBase


class Control(QueueBase):
    """Operations that change a task from outside."""

    async def cancel(self, task_id: str) -> TaskStatus:
        """Cancel a task: at once when it is not running, else its worker is asked.

        Returns:
            `cancelled`, or `running` when the worker was asked.

        Raises:
            NotFound: no task of that id is kept.
            Conflict: it had ended already as completed or dead.
        """
        reply = await self._run(
            "cancel",
            record=self.keys.task(task_id),
            queues=self.keys.queues,
            timers=self.keys.timers,
            wakes=self.keys.wakes,
            events=self.keys.events,
            prefix=self.keys.prefix,
            id=task_id,
            retention_ms=str(self.options.retention_s * 1000),
        )
        status = LETTERS[reply[2]]
        if status in (TaskStatus.COMPLETED, TaskStatus.DEAD):
            raise Conflict(f"Task {task_id} has already ended as {status}. Nothing was changed.")
        return status

    async def tick(self) -> bool:
        """Do what is due: promote, reap, trim; True when more is due than one call may do."""
        reply = await self._run(
            "tick",
            queues=self.keys.queues,
            timers=self.keys.timers,
            wakes=self.keys.wakes,
            events=self.keys.events,
            workers=self.keys.workers,
            prefix=self.keys.prefix,
            retention_ms=str(self.options.retention_s * 1000),
            keep=str(self.options.keep),
        )
        return bool(reply[2])
