"""The audit log over several shards: one order, and no entry twice or left out."""

from __future__ import annotations

import pytest

from shared.errors import InvalidInput
from shared.rates import Rate
from tests.conftest import QueueFactory


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_pages_over_several_shards(queues: QueueFactory, limit: int) -> None:
    queue = queues(shards=4)
    names = [f"queue-{number}" for number in range(20)]
    assert len({queue.shard_of(name) for name in names}) == 4
    for name in names:
        await queue.pause(name, by="ops\nrequest-1")
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = await queue.audit_log(limit=limit, cursor=cursor)
        assert len(page.entries) <= limit
        assert {(entry.action, entry.by, entry.request_id) for entry in page.entries} == {
            ("pause", "ops", "request-1")
        }
        seen += [entry.target for entry in page.entries]
        cursor = page.next_cursor
    # Shards may share a millisecond, so only what is there is certain, not the order within it.
    assert sorted(seen) == sorted(names)


async def test_what_belongs_to_no_queue_stands_in_one_shard(queues: QueueFactory) -> None:
    queue = queues(shards=4)
    await queue.note_action("reveal", "task", by="ops")
    assert [entry.action for entry in (await queue.audit_log()).entries] == ["reveal"]
    await queue.note_key_uses({"web": 1_000, "ops": 2_000})
    assert {name: at.timestamp() for name, at in (await queue.key_uses()).items()} == {"web": 1, "ops": 2}
    await queue.task_types({"web": 3_000})
    assert (await queue.key_uses())["web"].timestamp() == 3
    await queue.throttle("sign-in", "peer", Rate(1, 60))
    for cursor in ("1-1.4", "1-1.99", "1-1"):
        with pytest.raises(InvalidInput):
            await queue.audit_log(cursor=cursor)
