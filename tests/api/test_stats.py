"""The series by the minute over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.support import Client, is_problem


async def test_the_last_hour_by_default(api: Client) -> None:
    await api.submit()
    answer = await api.get("/api/stats")
    assert answer.status_code == 200
    body = answer.json()
    assert len(body["points"]) == 60
    assert sum(point["submitted"] for point in body["points"]) == 1
    assert body["points"][0]["at"] == body["since"]


async def test_since_bounds_the_series(api: Client) -> None:
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    assert len((await api.get(f"/api/stats?since={since}")).json()["points"]) in (5, 6)


@pytest.mark.parametrize("since", ["x", "2026-01-01", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "5"])
async def test_a_wrong_since_is_named(api: Client, since: str) -> None:
    assert is_problem(await api.get(f"/api/stats?since={since}"), 422, "since")
