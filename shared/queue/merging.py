"""One page from the same index of several shards: in order, complete, and with a place to go on in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.models import Task


class Spot(NamedTuple):
    """Where to go on in a sorted index.

    Attributes:
        score: of the last member that was looked at, or of the next one; empty for the start.
        member: the last of that score that was looked at; empty for none.
        skip: how many of that score were.
    """

    score: str
    member: str = ""
    skip: int = 0


START = Spot("")


class Part(NamedTuple):
    """What one shard gave.

    Attributes:
        tasks: in the order of the index.
        spots: the place before each of them, with its own score.
        following: where to go on behind them; None when nothing is left.
    """

    tasks: list[Task]
    spots: list[Spot]
    following: Spot | None


EXHAUSTED = Part([], [], None)


def merged(
    parts: Sequence[Part], limit: int, *, is_descending: bool
) -> tuple[list[Task], list[Spot | None] | None]:
    """The first `limit` tasks of all parts, by score and then by part, and where each part goes on.

    A part that has more may have it anywhere behind its last spot: what others have behind that waits
    for the next page. So a page may be short.

    Returns:
        Tasks, and a spot per part, None for one that has ended; None alone when all have.
    """
    sign = -1 if is_descending else 1
    bounds = [sign * float(part.following.score) for part in parts if part.following]
    bound = min(bounds, default=float("inf"))
    line = sorted(
        (sign * float(spot.score), number, position)
        for number, part in enumerate(parts)
        for position, spot in enumerate(part.spots)
    )
    taken = [0] * len(parts)
    tasks: list[Task] = []
    for score, number, position in line:
        if len(tasks) == limit or score > bound:
            break
        tasks.append(parts[number].tasks[position])
        taken[number] = position + 1
    spots = [
        part.spots[count] if count < len(part.spots) else part.following
        for part, count in zip(parts, taken, strict=True)
    ]
    return tasks, spots if any(spots) else None
