"""The functions that an expression of `derive` may call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class ExpressionFunction:
    """A function and how many arguments it takes."""

    fewest: int
    most: int
    build: Callable[..., pl.Expr]


def _one(build: Callable[[pl.Expr], pl.Expr]) -> ExpressionFunction:
    return ExpressionFunction(1, 1, build)


def _two(build: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> ExpressionFunction:
    return ExpressionFunction(2, 2, build)


def _coalesce(*parts: pl.Expr) -> pl.Expr:
    import polars as pl

    return pl.coalesce(*parts)


def _concat(*parts: pl.Expr) -> pl.Expr:
    """Text of all parts; an empty cell adds nothing."""
    import polars as pl

    return pl.concat_str(*parts, ignore_nulls=True)


def _min(*parts: pl.Expr) -> pl.Expr:
    import polars as pl

    return pl.min_horizontal(*parts)


def _max(*parts: pl.Expr) -> pl.Expr:
    import polars as pl

    return pl.max_horizontal(*parts)


def _text(value: pl.Expr) -> pl.Expr:
    import polars as pl

    return value.cast(pl.String)


def _number(value: pl.Expr) -> pl.Expr:
    """The number that a text shows; a text that shows none is an error."""
    import polars as pl

    return value.cast(pl.Float64)


def _round(value: pl.Expr, digits: int = 0) -> pl.Expr:
    return value.round(max(0, min(digits, 15)), mode="half_away_from_zero")


def _replace(value: pl.Expr, old: pl.Expr, new: pl.Expr) -> pl.Expr:
    return value.str.replace_all(old, new, literal=True)


def _substring(value: pl.Expr, start: pl.Expr, length: Any = None) -> pl.Expr:
    return value.str.slice(start, length)


FUNCTIONS: dict[str, ExpressionFunction] = {
    "abs": _one(lambda value: value.abs()),
    "ceil": _one(lambda value: value.ceil()),
    "floor": _one(lambda value: value.floor()),
    "sqrt": _one(lambda value: value.sqrt()),
    "log": _one(lambda value: value.log()),
    "round": ExpressionFunction(1, 2, _round),
    "min": ExpressionFunction(1, 20, _min),
    "max": ExpressionFunction(1, 20, _max),
    "number": _one(_number),
    "text": _one(_text),
    "upper": _one(lambda value: value.str.to_uppercase()),
    "lower": _one(lambda value: value.str.to_lowercase()),
    "trim": _one(lambda value: value.str.strip_chars()),
    "length": _one(lambda value: value.str.len_chars()),
    "concat": ExpressionFunction(1, 20, _concat),
    "substring": ExpressionFunction(2, 3, _substring),
    "replace": ExpressionFunction(3, 3, _replace),
    "contains": _two(lambda value, part: value.str.contains(part, literal=True)),
    "starts_with": _two(lambda value, part: value.str.starts_with(part)),
    "ends_with": _two(lambda value, part: value.str.ends_with(part)),
    "coalesce": ExpressionFunction(1, 20, _coalesce),
    "is_null": _one(lambda value: value.is_null()),
    "date": _one(lambda value: value.str.to_date("%Y-%m-%d")),
    "year": _one(lambda value: value.dt.year()),
    "month": _one(lambda value: value.dt.month()),
    "day": _one(lambda value: value.dt.day()),
}
