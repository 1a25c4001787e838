"""Which queues a caller reaches: a key may be bound to some.

A queue that the caller names and does not reach is refused with 403. A task or schedule of such a queue, asked
for by its id, is answered with 404, as if it were not kept: whoever may not see it learns nothing of it.
"""

from __future__ import annotations

from typing import NamedTuple

from api.errors import Forbidden


class Reach(NamedTuple):
    """The queues of a caller.

    Attributes:
        queues: the only ones; None for all.
    """

    queues: frozenset[str] | None = None

    def has(self, queue: str) -> bool:
        """Whether the caller may know of this queue."""
        return self.queues is None or queue in self.queues

    def check(self, queue: str, field: str) -> None:
        """Refuse a queue that the caller names, or that its task goes to.

        Raises:
            Forbidden: the key is bound to others.
        """
        if not self.has(queue):
            raise Forbidden(
                f"{field}: this key is bound to {self.names} and does not reach {queue[:64]!r}. {_CURE}"
            )

    def check_all(self) -> None:
        """Refuse what concerns all queues.

        Raises:
            Forbidden: the key is bound to some.
        """
        if self.queues is not None:
            raise Forbidden(f"This key is bound to {self.names}, and this concerns all queues. {_CURE}")

    @property
    def names(self) -> str:
        """For people."""
        names = sorted(self.queues or ())
        return f"the queue {names[0]}" if len(names) == 1 else f"the queues {', '.join(names)}"


ALL_QUEUES = Reach()
_CURE = "Use a key that reaches it."
