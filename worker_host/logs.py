"""Logging of a worker: JSON lines, or readable ones on a terminal."""

from __future__ import annotations

import logging
import os
import sys

import structlog


def is_json_wanted() -> bool:
    """JSON unless a person looks: LOG_FORMAT decides, else whether stdout is a terminal."""
    wanted = os.environ.get("LOG_FORMAT", "").lower()
    return wanted == "json" or (wanted != "text" and not sys.stdout.isatty())


def configure(level: str) -> bool:
    """Set up structlog for this process; returns whether lines are JSON."""
    is_json = is_json_wanted()
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor
    if is_json:
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), pad_event_to=0)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if is_json else "%H:%M:%S"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(number, logging.WARNING), format="%(levelname)s %(name)s: %(message)s")
    return is_json
