"""Whether OpenTelemetry is wanted; where it is not, nothing of it is loaded."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from worker_host.telemetry import Telemetry

#: Any of them says where traces or metrics go (OpenTelemetry's own variables).
VARIABLES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)

log = structlog.get_logger()


def open_telemetry() -> Telemetry | None:
    """Traces and metrics of this process; None when no variable asks for them and no handler's module set them up."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    asked = next((name for name in VARIABLES if os.environ.get(name)), None)
    if asked is not None and _lacks_exporter():
        fix = "pip install 'dtq[otel]'"
        log.warning("no traces and metrics: the extra is not installed", variable=asked, fix=fix)
        return None
    if asked is None and "opentelemetry.trace" not in sys.modules:
        return None
    from worker_host.telemetry import Telemetry, has_provider, open_exporters

    if asked is not None and not has_provider():
        open_exporters()
    return Telemetry() if has_provider() else None


def _lacks_exporter() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is None
    except ModuleNotFoundError:
        return True
