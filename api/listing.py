"""Pages of tasks, as every list of tasks answers them."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from api.caching import cached_response
from api.deps import reach_of, runtime_of
from api.pagination import page_links
from api.queries import DeadLetterQuery
from api.replies import readable_reply
from shared.queue import TaskQueue


async def answer_page(request: Request, queue: TaskQueue, query: DeadLetterQuery) -> Response:
    """The page that a query asks for.

    A key that is bound to one queue sees that one; one that is bound to several sees theirs, and a page may
    then be short.

    Raises:
        Forbidden: the query names a queue that the caller does not reach.
    """
    reach, wanted = reach_of(request), query.wanted
    if wanted.queue is not None:
        reach.check(wanted.queue, "queue")
    elif reach.queues is not None and len(reach.queues) == 1:
        wanted = wanted._replace(queue=next(iter(reach.queues)))
    with readable_reply():
        page = await queue.list_tasks(wanted, limit=query.limit, cursor=query.cursor)
    tasks = [task for task in page.tasks if reach.has(task.queue)]
    shown = await runtime_of(request).secrets.show(queue, tasks)
    value = {"tasks": shown, "next_cursor": page.next_cursor}
    return cached_response(request, value, headers=page_links(request, page.next_cursor))
