"""A reply of Redis that cannot be read is the store's failure, not a defect to answer 500 for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import StoreUnavailable

_log = logging.getLogger(__name__)


@contextmanager
def readable_reply() -> Iterator[None]:
    """Surrounds one call of `TaskQueue`: what comes back is parts, words and JSON of ours, or refused.

    Raises:
        StoreUnavailable: the reply had another shape; the log says which.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        _log.warning("Redis answered what cannot be read", exc_info=error)
        raise StoreUnavailable(f"Redis answered nonsense: {type(error).__name__}.") from None
