"""From table to result: rows inline, or a file in storage."""

from __future__ import annotations

import base64
import io
import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from worker_host.control import Reject
from worker_host.handlers._base import MAX_INLINE
from worker_host.handlers._data_columns import first_line, type_name
from worker_host.handlers._data_payload import TableOutput
from worker_host.handlers._sources import default_key, store

if TYPE_CHECKING:
    import polars as pl

#: Bound of rows in a result.
MAX_ROWS = 1_000
CONTENT_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
FIX = 'add a limit or group step, or set output.to to "storage"'


def write_table(table: pl.DataFrame, output: TableOutput, task_id: str) -> dict[str, Any]:
    """The result of the task.

    Raises:
        Reject: too much for a result, or the format cannot hold the table; says what can.
    """
    columns = [{"name": name, "type": str(type_name(dtype))} for name, dtype in table.schema.items()]
    about = {"row_count": table.height, "columns": columns}
    if output.to == "rows":
        return {**about, "rows": _rows(table)}
    content = _encoded(table, output.format)
    key = output.key or default_key("data", task_id, output.format)
    address = store(key, content, CONTENT_TYPES[output.format])
    return {**about, "address": address, "format": output.format, "bytes": len(content)}


def _rows(table: pl.DataFrame) -> list[dict[str, Any]]:
    if table.height > MAX_ROWS:
        raise Reject(f"output: {table.height} rows are more than the {MAX_ROWS} that a result holds; {FIX}")
    rows: list[dict[str, Any]] = plain(table.to_dicts())
    size = len(json.dumps(rows, ensure_ascii=False).encode())
    if size > MAX_INLINE:
        raise Reject(
            f"output: {size} bytes of rows are more than the {MAX_INLINE} that a result holds; {FIX}"
        )
    return rows


def plain(value: Any) -> Any:
    """A value as JSON: dates in ISO form, durations in seconds, bytes as base64, NaN and ∞ as null."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return float(value) if isinstance(value, Decimal) else value


def _encoded(table: pl.DataFrame, form: str) -> bytes:
    import polars as pl

    if form in ("json", "ndjson"):
        lines = [json.dumps(plain(row), ensure_ascii=False) for row in table.iter_rows(named=True)]
        text = "\n".join(lines) + "\n" if form == "ndjson" else "[" + ",\n".join(lines) + "]"
        return text.encode()
    buffer = io.BytesIO()
    try:
        table.write_csv(buffer) if form == "csv" else table.write_parquet(buffer)
    except pl.exceptions.PolarsError as error:
        raise Reject(
            f"output: {form} cannot hold this table: {first_line(error)}; choose another format"
        ) from error
    return buffer.getvalue()
