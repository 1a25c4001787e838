"""The Retry-After header of whatever a handler talks to."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

#: Longest pause that a server may ask for, seconds; longer wishes are cut.
MAX_RETRY_AFTER_S = 86_400.0


def seconds_of(retry_after: str) -> float | None:
    """Seconds of a Retry-After header, a number or a date; None when it is neither."""
    if retry_after.isdecimal() and retry_after.isascii():
        return min(float(retry_after), MAX_RETRY_AFTER_S)
    try:
        when = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max((when - datetime.now(UTC)).total_seconds(), 0.0), MAX_RETRY_AFTER_S)
