"""OpenTelemetry on the worker's side: a span for each attempt, and the metrics of /metrics by the same names.

The first attempt belongs to the trace of its submission. Each further one begins a trace of its own and is linked
to the submission: retries lie beside each other, however many hours lie between them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry import context, metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from shared.codec import Claim, decode
from shared.queue import Outcome
from shared.telemetry import SYSTEM
from worker_host.identity import product_version
from worker_host.metrics import BUCKETS_S, OUTCOMES, Metrics

CLOSE_MS = 5_000
_propagator = TraceContextTextMapPropagator()


def has_provider() -> bool:
    """Whether somebody has said where spans go."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def open_exporters() -> None:
    """Send spans and metrics by OTLP over HTTP to where OpenTelemetry's variables say."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "dtq-worker"}
    resource = Resource.create({**named, "service.version": product_version()})
    if os.environ.get("OTEL_TRACES_EXPORTER") != "none":
        traces = TracerProvider(resource=resource)
        traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(traces)
    if os.environ.get("OTEL_METRICS_EXPORTER") != "none":
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        metrics.set_meter_provider(MeterProvider([reader], resource=resource))


class Telemetry:
    """Spans and metrics of one worker process, through whatever providers are set."""

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("dtq")
        self._meter = metrics.get_meter("dtq")
        self._seconds = self._meter.create_histogram(
            "dtq_attempt_seconds",
            "s",
            "How long attempts ran.",
            explicit_bucket_boundaries_advisory=BUCKETS_S,
        )

    def started(self, claim: Claim) -> Span:
        """An attempt begins; its span is current in the task of the event loop that runs it."""
        producer = _producer_of(claim)
        is_first = claim.attempt == 1
        links = [Link(producer)] if producer is not None and not is_first else []
        parent = (
            trace.set_span_in_context(trace.NonRecordingSpan(producer)) if producer and is_first else None
        )
        attributes: dict[str, str | int] = {
            "messaging.system": SYSTEM,
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": claim.queue,
            "messaging.message.id": claim.id,
            "dtq.task_type": claim.task_type,
            "dtq.priority": claim.priority,
            "dtq.attempt": claim.attempt,
            "dtq.queue_time_ms": max(0, claim.started_ms - int(claim.ready_ms)),
        }
        span = self._tracer.start_span(
            f"process {claim.task_type}",
            context=parent or context.Context(),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            links=links,
        )
        # Not detached: the context ends with the task of the loop that runs this attempt.
        context.attach(trace.set_span_in_context(span))
        return span

    def ended(self, span: Span, claim: Claim, outcome: Outcome | None, elapsed_s: float) -> None:
        """It has ended; without an outcome its lease was lost."""
        kind = OUTCOMES[outcome.kind] if outcome else "lost"
        span.set_attribute("dtq.outcome", kind)
        if outcome is None:
            span.set_status(Status(StatusCode.ERROR, "the worker's lease was lost"))
        elif outcome.kind in ("f", "x"):
            error = decode(outcome.body)
            span.set_attribute("error.type", error["type"])
            span.set_status(Status(StatusCode.ERROR, error["message"]))
        span.end()
        self._seconds.record(elapsed_s, {"task_type": claim.task_type})

    def observe(self, measured: Metrics) -> None:
        """Offer the metrics of a worker by the names that they have in Prometheus."""
        for family in measured.collect():
            if isinstance(family, HistogramMetricFamily):
                continue  # recorded as it happens
            is_counter = isinstance(family, CounterMetricFamily)
            create: Any = (
                self._meter.create_observable_counter if is_counter else self._meter.create_observable_gauge
            )
            create(
                family.name, callbacks=[_observer(measured, family.name)], description=family.documentation
            )

    def close(self) -> None:
        """Send what was not sent yet; at most 5 s each."""
        for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
            flush = getattr(provider, "force_flush", None)
            if flush is not None:
                flush(CLOSE_MS)


def _producer_of(claim: Claim) -> trace.SpanContext | None:
    """Where the submission stands in its trace."""
    carried = claim.traceparent
    if carried is None:
        return None
    found = trace.get_current_span(_propagator.extract({"traceparent": carried}, context.Context()))
    spoken = found.get_span_context()
    return spoken if spoken.is_valid else None


def _observer(measured: Metrics, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    """Reads one family when it is asked for."""

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        family: Metric | None = next((one for one in measured.collect() if one.name == name), None)
        return [Observation(sample.value, sample.labels) for sample in family.samples] if family else []

    return observe
