"""The asynchronous client: the same operations, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from shared.absent import fail_at_once
from shared.client import config
from shared.client.arguments import between, changes
from shared.client.calls import Call, Flow
from shared.client.live import SILENCE_S, Event, Feed
from shared.client.operations import GroupStep, Operations, queue_path, schedule_path, task_path
from shared.client.retrying import Retries
from shared.client.submissions import SubmitOptions
from shared.models import (
    ErrorGroup,
    Overview,
    QueueInfo,
    Schedule,
    ScheduleSpec,
    SubmittedTask,
    Task,
    TaskStatus,
    TaskSubmission,
    TaskType,
    WorkerInfo,
)

_T = TypeVar("_T")
fail_at_once("sniffio")


class AsyncClient:
    """Speaks to the HTTP API from one event loop; to be closed in the end. See `Client`.

    Args:
        url: of the API, with or without `/api`; DTQ_URL when left out.
        key: of the API; DTQ_API_KEY when left out, none where the API needs none.
        timeout_s: of one try of one request.
        retries: how often, and after how long, a request is repeated.
        http: an httpx client to send with; its own base URL and headers count, and it stays open.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout_s: float = 10.0,
        retries: Retries | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._retries = retries or Retries()
        self._is_own = http is None
        if http is None:
            http = httpx.AsyncClient(base_url=config.base_url(url), headers=config.headers(key))
        self._http = http
        self._url = str(self._http.base_url)
        self._do = Operations(self._url, self._retries)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            await self._http.aclose()

    async def submit(
        self, task_type: str, payload: Mapping[str, Any], **options: Unpack[SubmitOptions]
    ) -> SubmittedTask:
        """Store one task; returns its id and status. Options are the fields of a `TaskSubmission`."""
        return await self._run(self._do.submit(task_type, payload, options))

    async def submit_many(self, tasks: Iterable[TaskSubmission | Mapping[str, Any]]) -> list[SubmittedTask]:
        """Store 1 to 1,000 tasks, all or nothing; ids and statuses in order."""
        return await self._run(self._do.submit_many(tasks))

    async def get(self, task_id: str) -> Task:
        """The task as it is stored now."""
        return await self._run(self._do.get(task_id))

    async def wait(self, task_id: str, *, timeout_s: float = 60.0) -> Task:
        """The task when it has ended.

        Raises:
            WaitTimeout: it has not within `timeout_s`; it goes on.
        """
        return await self._run(self._do.wait(task_id, timeout_s))

    def tasks(
        self,
        *,
        status: TaskStatus | str | None = None,
        queue: str | None = None,
        task_type: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[Task]:
        """All tasks that match, read page by page as they are asked for; see `Client.tasks`."""
        filters = {"status": status, "queue": queue, "task_type": task_type, "limit": page_size}
        filters |= between(created_after, created_before)
        return self._pages("/tasks", filters)

    def dead_letters(
        self, *, queue: str | None = None, task_type: str | None = None, page_size: int = 100
    ) -> AsyncIterator[Task]:
        """Dead tasks, the latest deaths first."""
        return self._pages("/dead-letters", {"queue": queue, "task_type": task_type, "limit": page_size})

    async def _pages(self, path: str, filters: Mapping[str, Any]) -> AsyncIterator[Task]:
        cursor: str | None = None
        while True:
            page = await self._run(self._do.page(path, filters, cursor))
            for task in page.tasks:
                yield task
            cursor = page.next_cursor
            if cursor is None:
                return

    async def explain(self, task_id: str) -> dict[str, Any]:
        """Why the task does not run, in one sentence with numbers."""
        return await self._run(self._do.explain(task_id))

    async def cancel(self, task_id: str) -> TaskStatus:
        """Cancel a task: `cancelled`, or `running` when its worker was asked to stop it."""
        return await self._run(self._do.task_action(task_id, "cancel"))

    async def requeue(self, task_id: str, *, payload: Mapping[str, Any] | None = None) -> TaskStatus:
        """Give a dead task a new series of attempts, as it is or with another payload."""
        return await self._run(self._do.task_action(task_id, "requeue", payload))

    async def run_now(self, task_id: str) -> TaskStatus:
        """Make a scheduled or retrying task pending."""
        return await self._run(self._do.task_action(task_id, "run-now"))

    async def change(
        self,
        task_id: str,
        *,
        payload: Mapping[str, Any] | None = None,
        priority: int | None = None,
        delay_seconds: float | None = None,
        run_at: datetime | None = None,
    ) -> TaskStatus:
        """Change a task that waits; what is left out stays."""
        return await self._run(self._do.change(task_id, changes(payload, priority, delay_seconds, run_at)))

    async def delete(self, task_id: str) -> None:
        """Remove a task that does not run."""
        await self._run(self._do.delete(task_path(task_id)))

    async def error_groups(self, *, limit: int = 50) -> list[ErrorGroup]:
        """Dead tasks by their error, the group with the latest death first."""
        return await self._run(self._do.groups(limit))

    async def requeue_group(self, fingerprint: str, *, step: int = 100) -> AsyncIterator[GroupStep]:
        """Requeue a whole group in steps; each is done when it is yielded."""
        cursor: str | None = None
        while True:
            done = await self._run(self._do.requeue_step(fingerprint, step, cursor))
            yield done
            cursor = done.next_cursor
            if cursor is None:
                return

    async def overview(self) -> Overview:
        """Counts, queues, workers, and how long the oldest pending task waits."""
        return await self._run(self._do.overview())

    async def queues(self) -> list[QueueInfo]:
        """Every queue that was used or paused."""
        return await self._run(self._do.queues())

    async def pause_queue(self, name: str, *, reason: str = "") -> None:
        """Let a queue start nothing."""
        await self._run(self._do.hold(queue_path(name), "pause", reason))

    async def resume_queue(self, name: str) -> None:
        """Let a queue go on."""
        await self._run(self._do.hold(queue_path(name), "resume"))

    async def workers(self) -> list[WorkerInfo]:
        """All workers whose lease holds."""
        return await self._run(self._do.workers())

    async def drain_worker(self, name: str, *, drain: bool = True) -> int:
        """Ask a worker to claim no more, or again; returns how many tasks it holds."""
        return await self._run(self._do.drain(name, drain))

    async def task_types(self) -> list[TaskType]:
        """What workers have published."""
        return await self._run(self._do.task_types())

    async def schedules(self) -> list[Schedule]:
        """All recurring schedules, by id."""
        return await self._run(self._do.schedules())

    async def put_schedule(self, schedule_id: str, spec: ScheduleSpec) -> Schedule:
        """Create or change a schedule."""
        return await self._run(self._do.put_schedule(schedule_id, spec))

    async def pause_schedule(self, schedule_id: str, *, reason: str = "") -> None:
        """Let no time of a schedule fire."""
        await self._run(self._do.hold(schedule_path(schedule_id), "pause", reason))

    async def resume_schedule(self, schedule_id: str) -> None:
        """Go on with its first time after now."""
        await self._run(self._do.hold(schedule_path(schedule_id), "resume"))

    async def run_schedule(self, schedule_id: str) -> str:
        """Submit its task once more; returns that task's id."""
        return await self._run(self._do.run_schedule(schedule_id))

    async def delete_schedule(self, schedule_id: str) -> None:
        """Remove a schedule; its tasks stay."""
        await self._run(self._do.delete(schedule_path(schedule_id)))

    async def typescript(self) -> str:
        """A typed TypeScript producer for the task types that are published now."""
        return await self._run(self._do.text("/client.ts"))

    async def read(self, path: str, **params: Any) -> Any:
        """Any other JSON that the API offers, such as `read("/stats")`."""
        return await self._run(self._do.value(path, params))

    async def events(
        self, *, queue: str | None = None, task_id: str | None = None, after: str | None = None
    ) -> AsyncIterator[Event]:
        """Follow what happens, over any number of connections, until the caller stops; see `Client.events`."""
        feed = Feed(after, self._retries, self._url)
        asked = {name: text for name, text in (("queue", queue), ("task", task_id)) if text is not None}
        timeout = httpx.Timeout(self._timeout_s, read=SILENCE_S)
        while True:
            if feed.is_polling:
                page = await self._run(self._do.poll_events(feed.after, asked))
                for event in feed.take_page(page):
                    yield event
                await asyncio.sleep(feed.pause_s)
                continue
            try:
                async with self._http.stream(
                    "GET", "/api/events", params=asked, headers=feed.headers, timeout=timeout
                ) as response:
                    if response.status_code == 200:
                        feed.opened()
                        async for line in response.aiter_lines():
                            told = feed.take(line)
                            if told is not None:
                                yield told
                    else:
                        await response.aread()
                        feed.refused(response)
            except httpx.TransportError as error:
                feed.lost(error)
            await asyncio.sleep(feed.pause_s)

    async def _run(self, flow: Flow[_T]) -> _T:
        """Drive an operation to its end."""
        try:
            step = next(flow)
            while True:
                if isinstance(step, Call):
                    try:
                        response = await self._http.request(**step.request_fields(self._timeout_s))
                    except httpx.TransportError as error:
                        step = flow.throw(error)
                    else:
                        step = flow.send(response)
                else:
                    await asyncio.sleep(step.seconds)
                    step = flow.send(None)
        except StopIteration as end:
            result: _T = end.value
            return result
        finally:
            flow.close()
