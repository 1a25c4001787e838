"""The steps of `data`, one function each, on Polars."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from worker_host.control import Reject
from worker_host.handler_settings import DataSettings
from worker_host.handlers import _data_payload as steps
from worker_host.handlers._data_columns import StepError, cast, first_line, literal, need, type_name
from worker_host.handlers._data_expressions import compile_expression
from worker_host.handlers._data_join import join

if TYPE_CHECKING:
    import polars as pl

NUMERIC_ONLY = {steps.Function.SUM, steps.Function.MEAN, steps.Function.MEDIAN, steps.Function.STD}


def apply_steps(table: pl.DataFrame, todo: list[steps.Step], settings: DataSettings) -> pl.DataFrame:
    """Apply the steps in order.

    Raises:
        Reject: a step does not fit the table; names its index and what would fit.
    """
    import polars as pl

    for index, step in enumerate(todo):
        where = f"steps[{index}] ({step.op})"
        try:
            table = _apply(table, step, settings)
        except StepError as error:
            raise Reject(f"{where}: {error}") from error
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OverflowError) as error:
            raise Reject(f"{where}: {first_line(error)}") from error
    return table


def _apply(table: pl.DataFrame, step: Any, settings: DataSettings) -> pl.DataFrame:
    if isinstance(step, steps.Join):
        return join(table, step, settings)
    if isinstance(step, steps.Describe):
        return table.describe()
    return OPERATIONS[type(step)](table, step)


def _select(table: pl.DataFrame, step: steps.Select) -> pl.DataFrame:
    need(table, step.columns)
    return table.select(step.columns)


def _drop(table: pl.DataFrame, step: steps.Drop) -> pl.DataFrame:
    need(table, step.columns)
    return table.drop(step.columns)


def _rename(table: pl.DataFrame, step: steps.Rename) -> pl.DataFrame:
    need(table, step.columns)
    return table.rename(step.columns)


def _filter(table: pl.DataFrame, step: steps.Filter) -> pl.DataFrame:
    need(table, (condition.column for condition in step.where))
    conditions = [_condition(table[condition.column], condition) for condition in step.where]
    together = (lambda a, b: a & b) if step.match == "all" else (lambda a, b: a | b)
    return table.filter(reduce(together, conditions))


def _condition(column: pl.Series, condition: steps.Comparison) -> pl.Expr:
    import polars as pl

    expression, operator = pl.col(column.name), condition.compare
    if operator is steps.Operator.IS_NULL:
        return expression.is_null()
    if operator is steps.Operator.IS_NOT_NULL:
        return expression.is_not_null()
    if isinstance(condition.value, list):
        # One comparison each: polars would take a list of several types as text.
        chosen = reduce(
            lambda a, b: a | b, (expression == literal(v, column) for v in condition.value), pl.lit(False)
        )
        return chosen if operator is steps.Operator.IN else ~chosen & expression.is_not_null()
    value = literal(condition.value, column)
    if operator in TEXT_ONLY and type_name(column.dtype) != "text":
        raise StepError(
            f"{operator.value!r} needs a column of text; {column.name!r} is {type_name(column.dtype)}"
        )
    return COMPARE[operator](expression, value)


TEXT_ONLY = {steps.Operator.CONTAINS, steps.Operator.STARTS_WITH, steps.Operator.ENDS_WITH}
COMPARE: dict[steps.Operator, Callable[[pl.Expr, Any], pl.Expr]] = {
    steps.Operator.EQ: lambda column, value: column == value,
    steps.Operator.NE: lambda column, value: column != value,
    steps.Operator.LT: lambda column, value: column < value,
    steps.Operator.LE: lambda column, value: column <= value,
    steps.Operator.GT: lambda column, value: column > value,
    steps.Operator.GE: lambda column, value: column >= value,
    steps.Operator.CONTAINS: lambda column, value: column.str.contains(value, literal=True),
    steps.Operator.STARTS_WITH: lambda column, value: column.str.starts_with(value),
    steps.Operator.ENDS_WITH: lambda column, value: column.str.ends_with(value),
}


def _derive(table: pl.DataFrame, step: steps.Derive) -> pl.DataFrame:
    return table.with_columns(compile_expression(step.expression, table.columns).alias(step.column))


def _group(table: pl.DataFrame, step: steps.Group) -> pl.DataFrame:
    need(table, step.by)
    aggregated = [_aggregate(table, one) for one in step.aggregate]
    if not step.by:
        return table.select(aggregated)
    return table.group_by(step.by, maintain_order=True).agg(aggregated)


def _aggregate(table: pl.DataFrame, one: steps.Aggregation) -> pl.Expr:
    import polars as pl

    if one.column is None:
        return pl.len().cast(pl.Int64).alias(one.name or "count")
    need(table, [one.column])
    dtype = table[one.column].dtype
    if one.function in NUMERIC_ONLY and type_name(dtype) not in ("integer", "float", "boolean"):
        raise StepError(f"{one.function} needs a column of numbers; {one.column!r} is {type_name(dtype)}")
    column = pl.col(one.column)
    if one.function is steps.Function.COUNT_DISTINCT:
        expression = column.drop_nulls().n_unique()
    else:
        expression = getattr(column, one.function.value)()
    return expression.alias(one.name or f"{one.column}_{one.function}")


def _sort(table: pl.DataFrame, step: steps.Sort) -> pl.DataFrame:
    need(table, step.by)
    if isinstance(step.descending, list) and len(step.descending) != len(step.by):
        raise StepError(
            f"descending has {len(step.descending)} entries for {len(step.by)} columns; give one for each"
        )
    return table.sort(step.by, descending=step.descending, nulls_last=True, maintain_order=True)


def _limit(table: pl.DataFrame, step: steps.Limit) -> pl.DataFrame:
    return table.slice(step.offset, step.count)


def _unique(table: pl.DataFrame, step: steps.Unique) -> pl.DataFrame:
    need(table, step.columns or [])
    return table.unique(step.columns, keep="first", maintain_order=True)


def _drop_nulls(table: pl.DataFrame, step: steps.DropNulls) -> pl.DataFrame:
    need(table, step.columns or [])
    return table.drop_nulls(step.columns)


def _fill_nulls(table: pl.DataFrame, step: steps.FillNulls) -> pl.DataFrame:
    need(table, step.columns)
    return table.with_columns(
        table[name].fill_null(literal(step.value, table[name])) for name in step.columns
    )


def _cast(table: pl.DataFrame, step: steps.Cast) -> pl.DataFrame:
    need(table, step.columns)
    return table.with_columns(cast(table[name], to, step.format) for name, to in step.columns.items())


OPERATIONS: dict[type, Callable[[pl.DataFrame, Any], pl.DataFrame]] = {
    steps.Select: _select,
    steps.Drop: _drop,
    steps.Rename: _rename,
    steps.Filter: _filter,
    steps.Derive: _derive,
    steps.Group: _group,
    steps.Sort: _sort,
    steps.Limit: _limit,
    steps.Unique: _unique,
    steps.DropNulls: _drop_nulls,
    steps.FillNulls: _fill_nulls,
    steps.Cast: _cast,
}
