"""When a recurring schedule fires next: cron with a time zone, or an interval. Pure.

Cron follows Debian's cron where clocks change: a time that does not exist (spring) fires once,
right after the gap; a time that exists twice (autumn) fires once, at its first. Expressions
that repeat within the hour (`*/5 * * * *`) keep their pace through both.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import InvalidInput

#: Further than any leap-day expression: beyond, an expression counts as one that never fires.
HORIZON = timedelta(days=366 * 9)
MIN_INTERVAL_S = 1


class Timing:
    """A schedule's rule, validated.

    Args:
        cron: five fields (minute, hour, day of month, month, day of week), or six with seconds first.
        interval_seconds: instead of `cron`: seconds from one fire to the next.
        zone: IANA name of the time zone that `cron` is read in.

    Raises:
        InvalidInput: neither or both are given, the expression is not valid or never fires, or the
            zone is unknown.

    >>> Timing(cron="30 2 * * *", zone="Europe/Berlin").next_after(datetime(2026, 3, 28, 12, tzinfo=UTC)).isoformat()
    '2026-03-29T01:00:00+00:00'
    """

    def __init__(
        self, *, cron: str | None = None, interval_seconds: float | None = None, zone: str = "UTC"
    ) -> None:
        if (cron is None) == (interval_seconds is None):
            raise InvalidInput(
                "cron", "or interval_seconds must be given, and not both.", 'Send {"cron": "0 9 * * 1"}.'
            )
        self.cron, self.interval_seconds, self.zone = cron, interval_seconds, zone
        self._zone = _zone(zone)
        if interval_seconds is not None and interval_seconds < MIN_INTERVAL_S:
            raise InvalidInput("interval_seconds", f"is under {MIN_INTERVAL_S} s.", "Send a longer interval.")
        self.next_after(datetime.now(UTC))

    def next_after(self, moment: datetime) -> datetime:
        """The first fire strictly after `moment`, in UTC.

        Raises:
            InvalidInput: the expression never fires.
        """
        if self.interval_seconds is not None:
            step = timedelta(seconds=self.interval_seconds)
            # From the epoch, not from the last fire: late fires do not shift the ones after.
            passed = (moment - _EPOCH) // step
            return _EPOCH + (passed + 1) * step
        from cronsim import CronSim, CronSimError

        assert self.cron is not None
        try:
            following = next(CronSim(self.cron, moment.astimezone(self._zone)), None)
        except CronSimError as error:
            raise InvalidInput(
                "cron", f"is no cron expression: {error}.", 'Example: "*/5 9-17 * * 1-5".'
            ) from None
        if following is None or following.astimezone(UTC) - moment > HORIZON:
            raise InvalidInput("cron", "never fires.", "Check day and month: 30 February does not exist.")
        return following.astimezone(UTC)

    def preview(self, moment: datetime, count: int = 5) -> list[datetime]:
        """The next fires after `moment`, at most `count`; fewer when it never fires again."""
        fires = [self.next_after(moment)]
        while len(fires) < count:
            try:
                fires.append(self.next_after(fires[-1]))
            except InvalidInput:
                break
        return fires


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            "zone", f"{name[:64]!r} is no time zone.", 'Use an IANA name such as "Europe/Berlin".'
        ) from None
