"""What a Redis server tells about itself in INFO, which no plan of Upstash bills."""

from __future__ import annotations

from typing import Any, NamedTuple, Self


class StoreFacts(NamedTuple):
    """A server as it is now; None for what it does not tell.

    Attributes:
        name: what it is, with its version.
        calls_per_second: of all its clients, those inside scripts included.
        memory_bytes: in use.
        max_memory_bytes: its bound; 0 for none.
        eviction: what it does when memory is full; `noeviction` refuses writes, anything else loses tasks.
        is_appended: whether every write goes to a file.
    """

    name: str | None
    calls_per_second: int | None
    memory_bytes: int | None
    max_memory_bytes: int | None
    eviction: str | None
    is_appended: bool | None

    @classmethod
    def read(cls, info: dict[str, str]) -> Self:
        """From the fields of INFO."""

        def number(field: str) -> int | None:
            told = info.get(field)
            return int(told) if told is not None and told.isascii() and told.isdigit() else None

        kinds = (("valkey_version", "Valkey"), ("upstash_version", "Upstash"), ("redis_version", "Redis"))
        appended = info.get("aof_enabled")
        return cls(
            name=next((f"{name} {info[field]}" for field, name in kinds if info.get(field)), None),
            calls_per_second=number("instantaneous_ops_per_sec"),
            memory_bytes=number("used_memory"),
            max_memory_bytes=number("maxmemory"),
            eviction=info.get("maxmemory_policy"),
            is_appended=None if appended is None else appended == "1",
        )


def read_info(told: Any) -> dict[str, str]:
    """Fields of INFO, which one client library has parsed and the other has not."""
    if isinstance(told, dict):
        return {name: str(value) for name, value in told.items()}
    pairs = (line.split(":", 1) for line in str(told).splitlines() if ":" in line)
    return {name: value.strip() for name, value in pairs}
