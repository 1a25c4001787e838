"""Numbers as people say them, for sentences."""

from __future__ import annotations

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def spoken(seconds: float) -> str:
    """A duration: 38 ms, 0.4 s, 12 s, 3 min 41 s, 4 h 2 min, 5 d 23 h."""
    seconds = max(0.0, seconds)
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, "min", 1, "s")
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    return _two(whole, _DAY, "d", _HOUR, "h")


def _two(seconds: int, big: int, big_unit: str, small: int, small_unit: str) -> str:
    rest = seconds % big // small
    return f"{seconds // big} {big_unit}" + (f" {rest} {small_unit}" if rest else "")


def counted(count: int, thing: str) -> str:
    """How many: 1 task, 1,234 tasks."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
