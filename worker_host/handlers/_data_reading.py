"""From source to table."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from worker_host.control import Reject
from worker_host.handler_settings import DataSettings
from worker_host.handlers._data_columns import StepError, cast, first_line, need
from worker_host.handlers._data_source import ColumnType, TableSource
from worker_host.handlers._sources import Loaded, load

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = {
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "parquet": "parquet",
}
MEDIA_TYPES = {
    "text/csv": "csv",
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/vnd.apache.parquet": "parquet",
}
#: Whole columns that look like this become numbers; 0123 and 1,5 stay text, as nothing may be lost.
INTEGER = r"^-?(0|[1-9]\d{0,17})$"
FLOAT = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$"


def read_table(source: TableSource, settings: DataSettings) -> pl.DataFrame:
    """Read a source and cast its columns.

    Raises:
        Reject: it is no table, too large, or may not be read.
    """
    import polars as pl

    try:
        table = _read(source, settings)
        need(table, source.types)
        table = table.with_columns(cast(table[name], to) for name, to in source.types.items())
    except (StepError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Reject(f"source: {error}") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OverflowError) as error:
        raise Reject(f"source: it cannot be read as a table: {first_line(error)}") from error
    bounded(table.height, settings)
    return table


def bounded(rows: int, settings: DataSettings) -> None:
    """Refuse tables that would not fit.

    Raises:
        Reject: more rows than DATA_MAX_ROWS.
    """
    if rows > settings.data_max_rows:
        raise Reject(f"the table has {rows} rows, more than the {settings.data_max_rows} of DATA_MAX_ROWS")


def _read(source: TableSource, settings: DataSettings) -> pl.DataFrame:
    if source.rows is not None:
        return _from_rows(source.rows, source.types)
    if source.csv is not None:
        return _from_csv(source.csv.encode(), source.separator)
    if source.ndjson is not None:
        return _from_rows(_lines(source.ndjson), source.types)
    loaded = load(source, settings.data_max_bytes)
    kind = source.format or _kind(loaded)
    if kind == "parquet":
        return _from_parquet(loaded.content, settings)
    if kind == "csv":
        return _from_csv(loaded.content, "\t" if loaded.suffix == "tsv" else source.separator)
    text = loaded.content.decode("utf-8-sig")
    return _from_rows(_lines(text) if kind == "ndjson" else json.loads(text), source.types)


def _kind(loaded: Loaded) -> str:
    """The format, when nobody says it: by name, by media type, by the first bytes."""
    known = SUFFIXES.get(loaded.suffix) or MEDIA_TYPES.get(loaded.content_type)
    if known:
        return known
    start = loaded.content[:100].lstrip()
    if start.startswith(b"PAR1"):
        return "parquet"
    return "json" if start.startswith(b"[") else "ndjson" if start.startswith(b"{") else "csv"


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _from_rows(rows: Any, types: Iterable[str]) -> pl.DataFrame:
    import polars as pl

    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise StepError("JSON must be an array of objects, or one object a line")
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None:
                kinds.setdefault(name, set()).add(_kind_of(value))
    cast_later = set(types)
    for name, found in kinds.items():
        if len(found) > 1 and name not in cast_later:
            mixed = " and ".join(sorted(found))
            raise StepError(f'column {name!r} mixes {mixed}; name its type in `types`, for example "text"')
    as_text = {name for name, found in kinds.items() if len(found) > 1}
    rows = (
        [{k: _as_text(v) if k in as_text else v for k, v in row.items()} for row in rows] if as_text else rows
    )
    return pl.DataFrame(rows, infer_schema_length=None)


def _kind_of(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "text", list: "array", dict: "object"}
    return names[type(value)]


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _from_csv(content: bytes, separator: str) -> pl.DataFrame:
    """Read as text first: types are told by whole columns, and an id like 0123 is no number."""
    import polars as pl

    if not content.strip():
        raise StepError("the CSV is empty; it needs a header line")
    table = pl.read_csv(content, separator=separator, infer_schema=False)
    return table.with_columns(_told(table[name]) for name in table.columns)


def _told(column: pl.Series) -> pl.Series:
    import polars as pl

    values = column.filter(column.is_not_null() & (column != ""))
    if values.is_empty():
        return column
    blank_as_null = column.set(column == "", None)
    if values.str.contains(INTEGER).all():
        return cast(blank_as_null, ColumnType.INTEGER)
    if values.str.contains(FLOAT).all():
        return cast(blank_as_null, ColumnType.FLOAT)
    if values.is_in(pl.Series(["true", "false"]).implode()).all():
        return cast(blank_as_null, ColumnType.BOOLEAN)
    return column


def _from_parquet(content: bytes, settings: DataSettings) -> pl.DataFrame:
    import polars as pl

    # A few kilobytes can stand for billions of rows: the footer is judged before a page is read.
    counted = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect()
    bounded(int(counted.item()), settings)
    return pl.read_parquet(io.BytesIO(content))
