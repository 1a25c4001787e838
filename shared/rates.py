"""How much may be asked in how long: `100/s`, `6000/min`; decided inside Redis (`scripts/lib/gcra.lua`)."""

from __future__ import annotations

import re
from typing import NamedTuple

_RATE = re.compile(r"([1-9][0-9]{0,6})\s*/\s*(s|min|h|day)")
_UNITS = {"s": 1, "min": 60, "h": 3_600, "day": 86_400}
EXAMPLE = "100/s (or /min, /h, /day)"


class Rate(NamedTuple):
    """So many at once, and so many in each window, evenly: GCRA.

    Attributes:
        amount: most at once, and most in `seconds` on the average.
        seconds: the window.
    """

    amount: int
    seconds: int

    def __str__(self) -> str:
        """As `read_rate` takes it."""
        return f"{self.amount}/{self.unit}"

    @property
    def unit(self) -> str:
        """The window's name, as in the text of a rate."""
        return next(unit for unit, seconds in _UNITS.items() if seconds == self.seconds)

    @property
    def words(self) -> str:
        """As the scripts take it: the interval from one to the next, µs, and how many may come at once.

        >>> Rate(100, 1).words
        '10000 100'
        """
        return f"{max(1, self.seconds * 1_000_000 // self.amount)} {self.amount}"


def read_rate(text: str) -> Rate | None:
    """A rate from its text; None when it is none.

    >>> read_rate("6000/min")
    Rate(amount=6000, seconds=60)
    """
    match = _RATE.fullmatch(text.strip())
    return Rate(int(match[1]), _UNITS[match[2]]) if match else None
