"""When schedules fire: time zones, the hours that clocks skip and repeat, and expressions that never fire."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime

import pytest

from shared import schedules
from shared.errors import InvalidInput
from shared.schedules import Timing


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_examples_are_true():
    assert doctest.testmod(schedules).failed == 0


@pytest.mark.parametrize(
    ("cron", "start", "expected"),
    [
        # Berlin skips 02:00 to 03:00 on 29 March 2026: 02:30 fires once, right after the gap.
        ("30 2 * * *", "2026-03-29T00:30", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        # It repeats 02:00 to 03:00 on 25 October 2026: 02:30 fires once, at its first.
        ("30 2 * * *", "2026-10-24T23:50", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        # What repeats within the hour keeps its pace through both.
        ("*/30 * * * *", "2026-03-29T00:10", ["2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30"]),
        ("*/30 * * * *", "2026-10-25T00:10", ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"]),
    ],
)
def test_where_clocks_change(cron: str, start: str, expected: list[str]):
    timing = Timing(cron=cron, zone="Europe/Berlin")
    assert timing.preview(utc(start), len(expected)) == [utc(text) for text in expected]


def test_an_interval_keeps_its_beat_however_late_it_is_asked():
    timing = Timing(interval_seconds=3600.0)
    assert timing.next_after(utc("2026-01-01T10:59:59")) == utc("2026-01-01T11:00:00")
    assert timing.next_after(utc("2026-01-01T11:00:00")) == utc("2026-01-01T12:00:00")


def test_a_preview_ends_where_nothing_fires_again_within_reach():
    rare = Timing(cron="0 0 29 2 */7")
    fires = rare.preview(utc("2026-01-01T00:00"), 5)
    assert 1 <= len(fires) < 5


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": "0 0 * * *", "zone": "Mars/Base"}, "zone"),
        ({"cron": "0 0 * * *", "zone": "../../etc/passwd"}, "zone"),
        ({"interval_seconds": 0.5}, "interval_seconds"),
        ({}, "cron"),
    ],
)
def test_what_can_never_fire_is_refused_by_field(fields: dict, field: str):
    with pytest.raises(InvalidInput) as caught:
        Timing(**fields)
    assert caught.value.field == field
