"""OpenTelemetry from the producer's span over the API to the spans of attempts, with the real SDK and a real collector."""

from __future__ import annotations

import gzip
import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.client import AsyncClient, Client, InvalidRequest
from tests.client.conftest import http_api  # noqa: F401  # a fixture
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, WorkerProcess
from worker_host.metrics import OUTCOMES, Metrics

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Collector:
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list = []
        self.metrics: dict = {}
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.take(self.path, body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return None

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = _plain(resource.resource.attributes)["service.name"]
                self.spans += [(service, span) for scope in resource.scope_spans for span in scope.spans]
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics |= {metric.name: metric for metric in scope.metrics}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _plain(attributes) -> dict:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.stop()


@pytest.fixture
async def traced_worker(server, collector):
    running = await WorkerProcess(
        server.url,
        DTQ_NAMESPACE="test",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="50",
        OTEL_METRIC_EXPORT_INTERVAL="200",
    ).ready()
    yield running
    running.stop()


async def test_attempts_reach_a_collector_the_first_in_the_submissions_trace_and_retries_linked_to_it(
    http_api,  # noqa: F811
    collector,
    traced_worker,
):
    async with AsyncClient(http_api.url) as client:
        retry = {"initial_seconds": 0.05, "jitter": "none"}
        body = {"task_type": "raise", "payload": {"kind": "value", "times": 2}, "retry": retry}
        answer = await client._http.post("/api/tasks", json=body, headers={"traceparent": PARENT})
        task = await client.wait(answer.json()["id"], timeout_s=30)
        assert task.status == "completed"
        await wait_until(lambda: len(collector.spans) == 3, describe="three spans")
    spans = sorted(collector.spans, key=lambda one: _plain(one[1].attributes)["dtq.attempt"])
    assert {service for service, _ in spans} == {"dtq-worker"}
    first, *retries = [span for _, span in spans]
    assert (first.trace_id.hex(), first.parent_span_id.hex(), list(first.links)) == (TRACE, SPAN, [])
    for span in retries:
        assert span.trace_id.hex() != TRACE
        assert span.parent_span_id == b""
        assert [(link.trace_id.hex(), link.span_id.hex()) for link in span.links] == [(TRACE, SPAN)]
    assert len({span.trace_id for span in (first, *retries)}) == 3
    said = [_plain(span.attributes) for span in (first, *retries)]
    assert [one["dtq.outcome"] for one in said] == ["failed", "failed", "completed"]
    assert said[0]["error.type"] == "ValueError"
    assert first.status.message == "it broke"
    assert (said[2]["messaging.message.id"], said[2]["messaging.destination.name"]) == (task.id, "default")
    assert {span.kind for span in (first, *retries)} == {5}  # consumer
    waited = (task.attempts[0].started_at - task.created_at).total_seconds() * 1000
    assert abs(said[0]["dtq.queue_time_ms"] - waited) <= 1


async def test_metrics_have_the_names_of_prometheus(http_api, collector, traced_worker):  # noqa: F811
    async with AsyncClient(http_api.url) as client:
        task = await client.submit("noop", {})
        await client.wait(task.id, timeout_s=30)
        await wait_until(
            lambda: {"dtq_attempts", "dtq_attempt_seconds"} <= collector.metrics.keys(), describe="metrics"
        )
    points = collector.metrics["dtq_attempts"].sum.data_points
    assert [(_plain(point.attributes), getattr(point, point.WhichOneof("value"))) for point in points] == [
        ({"task_type": "noop", "outcome": "completed"}, 1)
    ]
    [point] = collector.metrics["dtq_attempt_seconds"].histogram.data_points
    assert (point.count, list(point.explicit_bounds)[:2]) == (1, [0.001, 0.005])
    measured = Metrics()
    measured.gauges = dict.fromkeys(("dtq_running_tasks", "dtq_slots", "dtq_redis_calls"), lambda: 0)
    # What was never repaired has no sample, and what has no sample is not sent.
    expected = {family.name for family in measured.collect()} - {"dtq_repairs"}
    await wait_until(lambda: expected <= collector.metrics.keys(), describe=f"all of {sorted(expected)}")


async def test_what_a_stopping_worker_has_not_sent_is_sent(server, collector, http_api):  # noqa: F811
    slow = {"OTEL_BSP_SCHEDULE_DELAY": "60000", "OTEL_METRIC_EXPORT_INTERVAL": "60000"}
    worker = await WorkerProcess(
        server.url, DTQ_NAMESPACE="test", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **slow
    ).ready()
    try:
        async with AsyncClient(http_api.url) as client:
            await client.wait((await client.submit("noop", {})).id, timeout_s=30)
        assert collector.spans == []
    finally:
        worker.stop()
    assert [span.name for _, span in collector.spans] == ["process noop"]
    assert "dtq_attempts" in collector.metrics


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-0-0-00",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        PARENT + "x",
    ],
)
async def test_a_traceparent_that_is_none_is_ignored(http_api, store, header):  # noqa: F811
    async with AsyncClient(http_api.url) as client:
        answer = await client._http.post(
            "/api/tasks", json={"task_type": "noop", "payload": {}}, headers={"traceparent": header}
        )
    assert answer.status_code == 202
    assert "traceparent" not in store.get(f"{{test:0}}:t:{answer.json()['id']}")


@pytest.fixture
def exported(monkeypatch) -> InMemorySpanExporter:
    """What an application's own provider gets."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


def ours(exporter: InMemorySpanExporter) -> list:
    """FastAPI, in this same process here, makes spans of its own."""
    return [span for span in exporter.get_finished_spans() if span.instrumentation_scope.name == "dtq"]


def test_a_submission_is_a_producer_span_and_goes_along(http_api, store, exported):  # noqa: F811
    with Client(http_api.url) as client:
        task = client.submit("noop", {}, queue="mail")
        batch = client.submit_many(
            [{"task_type": "noop", "payload": {}}, {"task_type": "echo", "payload": {}}]
        )
    one, many = ours(exported)
    assert (one.name, one.kind, one.attributes["messaging.message.id"]) == (
        "submit noop",
        trace.SpanKind.PRODUCER,
        task.id,
    )
    assert one.attributes["messaging.destination.name"] == "mail"
    assert (many.name, many.attributes["messaging.batch.message_count"]) == ("submit", 2)
    for span, stored in ((one, task), (many, batch[0]), (many, batch[1])):
        record = store.get(f"{{test:0}}:t:{stored.id}")
        carried = json.loads(record.split("\n")[1].partition(" o=")[2])["traceparent"]
        assert (
            carried
            == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"
        )


async def test_the_asynchronous_client_does_the_same_and_tells_of_refusals(http_api, exported):  # noqa: F811
    async with AsyncClient(http_api.url) as client:
        await client.submit("noop", {})
        with pytest.raises(InvalidRequest):
            await client.submit("noop", {}, priority=11)
    fine, refused = ours(exported)
    assert fine.status.is_ok
    assert not refused.status.is_ok
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_nothing_of_it_is_loaded_where_it_is_not_configured():
    code = """
import json, sys
from shared.client import Client
from shared.telemetry import submitting
with submitting(["noop"], None) as submission:
    print(json.dumps([dict(submission.headers), [name for name in sys.modules if name.startswith("opentelemetry")]]))
from worker_host.tracing import open_telemetry
import worker_host.worker
print(open_telemetry(), "opentelemetry.exporter" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[{}, []]\nNone False\n"


@pytest.mark.parametrize(
    ("lacking", "more", "said"),
    [
        ("opentelemetry.exporter", {}, "pip install 'dtq[otel]'"),
        ("nothing", {"OTEL_SDK_DISABLED": "true"}, ""),
    ],
)
def test_asked_for_and_not_possible_is_said_and_no_end(lacking, more, said):
    code = f"import sys; sys.modules[{lacking!r}] = None; from worker_host.tracing import open_telemetry; print(open_telemetry())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "PATH": "/usr/bin", **more},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "None"
    assert said in done.stdout


def test_the_document_names_every_metric_and_attribute():
    text = (ROOT / "docs/OPENTELEMETRY.md").read_text("utf-8")
    code = (ROOT / "worker_host/telemetry.py").read_text("utf-8")
    for name in set(re.findall(r'"((?:dtq|error)\.\w+)"', code)) | {
        "dtq_slots",
        "dtq_running_tasks",
        "dtq_redis_calls",
    }:
        assert f"`{name}`" in text, name
    for family in Metrics().collect():
        assert f"`{family.name}`" in text, family.name
    for outcome in OUTCOMES.values():
        assert f"`{outcome}`" in text, outcome
