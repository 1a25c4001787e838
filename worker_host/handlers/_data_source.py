"""The first field of `data`'s payload: where a table comes from, and the types of its columns."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from worker_host.handlers._sources import Source

Column = Annotated[str, Field(min_length=1, max_length=200)]
Columns = Annotated[list[Column], Field(min_length=1, max_length=500)]
Scalar = str | int | float | bool


class ColumnType(StrEnum):
    """What a column can be turned into."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"


Types = Annotated[dict[Column, ColumnType], Field(max_length=500)]


class TableSource(Source):
    """A table: inline, from storage, or from a URL. Exactly one of them."""

    rows: Annotated[list[dict[str, Any]] | None, Field(max_length=100_000, description="Inline rows.")] = None
    csv: Annotated[str | None, Field(description="Inline CSV with a header line.")] = None
    ndjson: Annotated[str | None, Field(description="Inline JSON objects, one a line.")] = None
    format: Annotated[
        Literal["csv", "json", "ndjson", "parquet"] | None,
        Field(
            description="Of base64, storage and url; told by suffix, media type and content when not given."
        ),
    ] = None
    separator: Annotated[str, Field(pattern=r"^[,;|\t]$", description="Between the fields of CSV.")] = ","
    types: Annotated[Types, Field(description="Columns to cast right after reading.")] = Field(
        default_factory=dict
    )

    @classmethod
    def origins(cls) -> tuple[str, ...]:
        """The fields of which exactly one is given."""
        return ("rows", "csv", "ndjson", *super().origins())
