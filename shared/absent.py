"""Modules that are not installed, and that libraries look for again and again."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def fail_at_once(name: str) -> None:
    """Let `import <name>` fail without a search, where there is no such module.

    Python remembers what an import has found, and never that it has found nothing: each time it looks through
    all of `sys.path`. httpcore imports sniffio at four places of each request that asyncio makes, which without it
    is a third of the request's processor time.
    """
    if name not in sys.modules and find_spec(name) is None:
        sys.modules[name] = None  # type: ignore[assignment]  # what Python's documentation names for this
