"""Columns of a table: do they exist, of which type are they, can they become another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from worker_host.handlers._data_source import ColumnType

if TYPE_CHECKING:
    import polars as pl

INT64 = range(-(2**63), 2**63)
TRUTH = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


class StepError(Exception):
    """Raised when a step does not fit the table; the caller adds which step."""


def need(table: pl.DataFrame, names: Iterable[str]) -> None:
    """Make sure that the columns exist.

    Raises:
        StepError: one does not; names the ones that do.
    """
    for name in names:
        if name not in table.columns:
            known = ", ".join(table.columns[:50]) or "none"
            raise StepError(f"there is no column {name!r}; the columns are: {known}")


def type_name(dtype: pl.DataType) -> str:
    """The name of a column's type as payloads write it."""
    import polars as pl

    if dtype.is_integer():
        return ColumnType.INTEGER
    if dtype.is_float() or dtype.is_decimal():
        return ColumnType.FLOAT
    names = {
        pl.String: "text",
        pl.Boolean: "boolean",
        pl.Date: "date",
        pl.Datetime: "datetime",
        pl.Null: "empty",
    }
    return names.get(type(dtype), str(dtype).lower())


def literal(value: Any, column: pl.Series) -> Any:
    """A payload's value as one that can stand in, or be compared with, a column.

    Raises:
        StepError: its type is another than the column's.
    """
    kind = type_name(column.dtype)
    if isinstance(value, int) and not isinstance(value, bool) and value not in INT64:
        raise StepError(f"{value} does not fit into 64 bits")
    if kind in ("date", "datetime") and isinstance(value, str):
        try:
            return date.fromisoformat(value) if kind == "date" else datetime.fromisoformat(value)
        except ValueError as error:
            raise StepError(
                f"{value!r} is no ISO {kind}; column {column.name!r} holds values of that type"
            ) from error
    given = {bool: "boolean", int: "integer", float: "float", str: "text"}[type(value)]
    if kind not in ("empty", given) and {given, kind} != {"integer", "float"}:
        raise StepError(
            f"column {column.name!r} is of type {kind}, {value!r} is {given}; cast the column first"
        )
    return value


def cast(column: pl.Series, to: ColumnType, text_format: str | None = None) -> pl.Series:
    """The column as another type.

    Raises:
        StepError: some values cannot be turned; counts them and shows one.
    """
    import polars as pl

    try:
        turned = _cast(column, to, text_format)
    except pl.exceptions.PolarsError as error:
        raise StepError(f"column {column.name!r} cannot become {to}: {first_line(error)}") from error
    is_lost = turned.is_null() & column.is_not_null()
    if column.dtype.is_float() and to is ColumnType.INTEGER:
        is_lost |= (column != column.floor()).fill_null(value=False)
    lost = column.filter(is_lost)
    if len(lost):
        raise StepError(
            f"column {column.name!r}: {len(lost)} values cannot become {to}, for example {lost[0]!r}"
        )
    return turned


def _cast(column: pl.Series, to: ColumnType, text_format: str | None) -> pl.Series:
    import polars as pl

    is_text = column.dtype == pl.String
    if is_text and to is ColumnType.BOOLEAN:
        lowered = column.str.strip_chars().str.to_lowercase()
        return lowered.replace_strict(TRUTH, default=None, return_dtype=pl.Boolean)
    if is_text and to is ColumnType.DATE:
        return column.str.to_date(text_format or "%Y-%m-%d", strict=False)
    if is_text and to is ColumnType.DATETIME:
        return column.str.to_datetime(text_format, strict=False)
    if is_text and to in (ColumnType.INTEGER, ColumnType.FLOAT):
        column = column.str.strip_chars()
    targets: dict[ColumnType, Any] = {
        ColumnType.TEXT: pl.String,
        ColumnType.INTEGER: pl.Int64,
        ColumnType.FLOAT: pl.Float64,
        ColumnType.BOOLEAN: pl.Boolean,
        ColumnType.DATE: pl.Date,
        ColumnType.DATETIME: pl.Datetime("us"),
    }
    return column.cast(targets[to], strict=False)


def first_line(error: BaseException) -> str:
    """Polars explains over many lines; the first one says it."""
    return str(error).strip().partition("\n")[0][:300]
