"""The payload of `data`: a source, steps and an output."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from worker_host.handlers._base import Payload
from worker_host.handlers._data_source import Column, Columns, Scalar, TableSource, Types
from worker_host.handlers._sources import Key


class Select(Payload):
    """Keep these columns, in this order."""

    op: Literal["select"]
    columns: Columns


class Drop(Payload):
    """Remove these columns."""

    op: Literal["drop"]
    columns: Columns


class Rename(Payload):
    """Rename columns: old name → new name."""

    op: Literal["rename"]
    columns: Annotated[dict[Column, Column], Field(min_length=1, max_length=500)]


class Operator(StrEnum):
    """How a column is compared with a value; an empty cell passes `is_null` only."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    IS_NULL = "is_null"
    IS_NOT_NULL = "is_not_null"


class Comparison(Payload):
    """One condition on one column."""

    column: Column
    compare: Annotated[Operator, Field(alias="is")]
    value: Annotated[
        Scalar | list[Scalar] | None,
        Field(description="A value of the column's type; a list for in and not_in."),
    ] = None

    @model_validator(mode="after")
    def _value_fits(self) -> Comparison:
        wants_list = self.compare in (Operator.IN, Operator.NOT_IN)
        wants_none = self.compare in (Operator.IS_NULL, Operator.IS_NOT_NULL)
        if wants_none != (self.value is None) or wants_list != isinstance(self.value, list):
            kind = "no value" if wants_none else "a list of values" if wants_list else "one value"
            raise ValueError(f"{self.compare.value!r} takes {kind}")
        return self


class Filter(Payload):
    """Keep the rows that fulfil all (or any) of the conditions."""

    op: Literal["filter"]
    where: Annotated[list[Comparison], Field(min_length=1, max_length=50)]
    match: Literal["all", "any"] = "all"


class Derive(Payload):
    """Compute a column, new or replaced, from the others."""

    op: Literal["derive"]
    column: Column
    expression: Annotated[
        str, Field(min_length=1, max_length=500, description="For example: round(price * quantity, 2)")
    ]


class Function(StrEnum):
    """How the values of a group become one."""

    COUNT = "count"
    COUNT_DISTINCT = "count_distinct"
    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    STD = "std"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"


class Aggregation(Payload):
    """One column of the grouped table."""

    function: Function
    column: Annotated[Column | None, Field(description="Not needed for count, which then counts rows.")] = (
        None
    )
    name: Annotated[Column | None, Field(alias="as", description="Name of the result.")] = None

    @model_validator(mode="after")
    def _column_is_named(self) -> Aggregation:
        if self.column is None and self.function is not Function.COUNT:
            raise ValueError(f"{self.function.value!r} needs a column")
        return self


class Group(Payload):
    """One row per combination of the `by` columns; without `by`, one row of all."""

    op: Literal["group"]
    by: Annotated[list[Column], Field(max_length=50)] = Field(default_factory=list)
    aggregate: Annotated[list[Aggregation], Field(min_length=1, max_length=100)]


class Sort(Payload):
    """Order the rows; empty cells come last, equal rows keep their order."""

    op: Literal["sort"]
    by: Columns
    descending: Annotated[bool | list[bool], Field(description="For all columns, or one for each.")] = False


class Join(Payload):
    """Add the columns of a second table to the rows whose key columns are equal."""

    op: Literal["join"]
    source: TableSource
    on: Columns
    right_on: Annotated[
        Columns | None, Field(description="Key columns of the second table when named otherwise.")
    ] = None
    how: Literal["inner", "left", "full", "semi", "anti"] = "inner"
    suffix: Annotated[
        str,
        Field(min_length=1, max_length=50, description="Of the second table's columns with a taken name."),
    ] = "_right"


class Limit(Payload):
    """Keep `count` rows, after skipping `offset`."""

    op: Literal["limit"]
    count: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)] = 0


class Describe(Payload):
    """Replace the table by statistics of its columns."""

    op: Literal["describe"]


class Unique(Payload):
    """Keep the first row of each combination of the columns; of all columns when none are given."""

    op: Literal["unique"]
    columns: Columns | None = None


class DropNulls(Payload):
    """Remove rows with an empty cell in the columns; in any column when none are given."""

    op: Literal["drop_nulls"]
    columns: Columns | None = None


class FillNulls(Payload):
    """Put a value into the empty cells of the columns."""

    op: Literal["fill_nulls"]
    columns: Columns
    value: Scalar


class Cast(Payload):
    """Turn columns into another type; a value that cannot be turned is an error."""

    op: Literal["cast"]
    columns: Annotated[Types, Field(min_length=1)]
    format: Annotated[
        str | None,
        Field(max_length=50, description="Of dates in text, for example %d.%m.%Y; ISO when not given."),
    ] = None


Step = Annotated[
    Select
    | Drop
    | Rename
    | Filter
    | Derive
    | Group
    | Sort
    | Join
    | Limit
    | Describe
    | Unique
    | DropNulls
    | FillNulls
    | Cast,
    Field(discriminator="op"),
]


class TableOutput(Payload):
    """Where the result goes."""

    to: Annotated[
        Literal["rows", "storage"], Field(description="Into the task's result, or into a file.")
    ] = "rows"
    format: Annotated[Literal["csv", "json", "ndjson", "parquet"], Field(description="Of the file.")] = "csv"
    key: Annotated[Key | None, Field(description="Storage key; made from the task's id when not given.")] = (
        None
    )


class DataPayload(Payload):
    """A table, what to do with it, and where the result goes."""

    source: TableSource
    steps: Annotated[list[Step], Field(max_length=50, description="Applied in order.")] = Field(
        default_factory=list
    )
    output: TableOutput = Field(default_factory=TableOutput)
