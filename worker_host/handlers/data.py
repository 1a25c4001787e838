"""The `data` task: a table, steps that transform it, and where the result goes."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from worker_host.handler_settings import DataSettings
from worker_host.handlers._base import TaskContext
from worker_host.handlers._data_payload import DataPayload
from worker_host.registry import register_handler


@register_handler("data", run_in="process", timeout_seconds=600.0, never_retry=(ValidationError,))
def transform(payload: DataPayload, context: TaskContext) -> dict[str, Any]:
    """Transform tabular data: CSV, JSON or Parquet, inline, from storage or from an https URL.

    The steps are applied in order: select, drop, rename, filter, derive, group, sort, join, limit,
    describe, unique, drop_nulls, fill_nulls, cast.
    """
    from worker_host.handlers._data_reading import read_table
    from worker_host.handlers._data_steps import apply_steps
    from worker_host.handlers._data_writing import write_table

    settings = DataSettings.load()
    table = apply_steps(read_table(payload.source, settings), payload.steps, settings)
    return write_table(table, payload.output, context.task_id)
