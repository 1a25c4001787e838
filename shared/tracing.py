"""W3C Trace Context: the one header that ties a task to what caused it."""

from __future__ import annotations

import re

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def is_traceparent(text: str) -> bool:
    """Whether a text is a `traceparent` of version 00, or of a later one that says no more than it."""
    return _FORM.fullmatch(text) is not None
