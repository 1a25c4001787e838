"""The join of two tables, bounded before it is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_host.handler_settings import DataSettings
from worker_host.handlers._data_columns import StepError, need, type_name
from worker_host.handlers._data_payload import Join
from worker_host.handlers._data_reading import bounded, read_table

if TYPE_CHECKING:
    import polars as pl


def join(table: pl.DataFrame, step: Join, settings: DataSettings) -> pl.DataFrame:
    """Join with the step's source; rows keep the order of the first table.

    Raises:
        StepError: a key column is missing, or two of them have different types.
        Reject: the second table cannot be read, or the result would be too large.
    """
    other = read_table(step.source, settings)
    right_on = step.right_on or step.on
    if len(right_on) != len(step.on):
        raise StepError(f"right_on has {len(right_on)} columns for {len(step.on)} of `on`; give as many")
    need(table, step.on)
    try:
        need(other, right_on)
    except StepError as error:
        raise StepError(f"second table: {error}") from error
    _same_types(table, other, step.on, right_on)
    if step.how in ("inner", "left", "full"):
        bounded(_size(table.select(step.on), other.select(right_on), step.on), settings)
    return table.join(
        other,
        left_on=step.on,
        right_on=right_on,
        how=step.how,
        suffix=step.suffix,
        coalesce=True if step.how in ("left", "full") else None,
        maintain_order="left_right" if step.how in ("inner", "left", "full") else None,
    )


def _size(left: pl.DataFrame, right: pl.DataFrame, names: list[str]) -> int:
    """Pairs of rows with equal keys: a key that is frequent on both sides multiplies."""
    import polars as pl

    right.columns = names
    counts = left.group_by(names).len("l").join(right.group_by(names).len("r"), on=names)
    return int(counts.select((pl.col("l").cast(pl.Int64) * pl.col("r").cast(pl.Int64)).sum()).item())


def _same_types(table: pl.DataFrame, other: pl.DataFrame, on: list[str], right_on: list[str]) -> None:
    for left, right in zip(on, right_on, strict=True):
        kinds = type_name(table[left].dtype), type_name(other[right].dtype)
        if kinds[0] != kinds[1] and "empty" not in kinds:
            raise StepError(
                f"column {left!r} is {kinds[0]}, {right!r} of the second table {kinds[1]}; cast one of them"
            )
