"""OpenTelemetry on the producer's side: a span for each submission, carried to the worker as W3C `traceparent`.

Costs nothing where an application does not use OpenTelemetry: whoever has configured it has imported it, so it is
never imported here first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Span

SYSTEM = "dtq"


class Submitting:
    """One submission that is under way.

    Attributes:
        headers: what its requests carry.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers

    def stored(self, ids: list[str]) -> None:
        """The tasks are stored."""


@contextmanager
def submitting(task_types: list[str], queue: str | None) -> Iterator[Submitting]:
    """A producer span around a submission, when the application has configured OpenTelemetry.

    Args:
        task_types: of the tasks, at least one.
        queue: when it is named.
    """
    if "opentelemetry.trace" not in sys.modules or not task_types:
        yield Submitting({})
        return
    from opentelemetry import propagate, trace

    names = sorted(set(task_types))
    attributes: dict[str, str | int] = {
        "messaging.system": SYSTEM,
        "messaging.operation.type": "send",
        "messaging.operation.name": "submit",
        "dtq.task_type": ", ".join(names[:10]),
    }
    if queue is not None:
        attributes["messaging.destination.name"] = queue
    if len(task_types) > 1:
        attributes["messaging.batch.message_count"] = len(task_types)
    tracer = trace.get_tracer("dtq")
    title = f"submit {names[0]}" if len(names) == 1 else "submit"
    with tracer.start_as_current_span(title, kind=trace.SpanKind.PRODUCER, attributes=attributes) as span:
        headers: dict[str, str] = {}
        propagate.inject(headers)
        yield _Traced(headers, span)


class _Traced(Submitting):
    """Tells its span what was stored."""

    def __init__(self, headers: Mapping[str, str], span: Span) -> None:
        super().__init__(headers)
        self._span = span

    def stored(self, ids: list[str]) -> None:
        if len(ids) == 1:
            self._span.set_attribute("messaging.message.id", ids[0])
