"""Imports structlog without rich, which that takes for tracebacks where it is installed: 3.4 MB that no log line needs.

To be imported before all that logs.
"""

import sys

_is_rich_there = "rich" in sys.modules
if not _is_rich_there:
    sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it fails now
try:
    import structlog  # noqa: F401  # whoever imports it later finds this one
finally:
    if not _is_rich_there:
        del sys.modules["rich"]
