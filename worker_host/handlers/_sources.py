"""Where `data` and `image` read from and write to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from worker_host.control import Reject
from worker_host.handlers._base import Base64, Payload, decode

Key = Annotated[str, Field(max_length=1024)]


class Source(Payload):
    """Bytes: inline as base64, from storage, or from a URL. Exactly one of them."""

    # Published, so that a submission without any is refused before it is stored. The validator below
    # still finds two of them: JSON Schema would have to forbid the nulls that stand for left out.
    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    base64: Annotated[Base64 | None, Field(description="The content itself, as base64.")] = None
    storage: Annotated[
        Key | None, Field(description="Key or address (file:///…, s3://…) in the worker's storage.")
    ] = None
    url: Annotated[
        str | None, Field(max_length=2048, description="https URL; private addresses are refused by default.")
    ] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in self.origins() if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"needs exactly one of {', '.join(self.origins())}; found {found}")
        return self

    @classmethod
    def origins(cls) -> tuple[str, ...]:
        """The fields of which exactly one is given."""
        return ("base64", "storage", "url")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Bytes and what is known of their kind: the path's suffix and the media type, "" if unknown."""

    content: bytes
    suffix: str = ""
    content_type: str = ""


def load(source: Source, max_bytes: int) -> Loaded:
    """Read a source of at most `max_bytes`.

    Raises:
        Reject: it is missing, too large, or may not be read.
        Exception: storage or network trouble; the task is retried.
    """
    if source.base64 is not None:
        content = decode(source.base64)
        if len(content) > max_bytes:
            raise Reject(
                f"the base64 source has {len(content)} bytes, more than the {max_bytes} that are read"
            )
        return Loaded(content)
    if source.storage is not None:
        return Loaded(_from_storage(source.storage, max_bytes), _suffix(source.storage))
    from worker_host.fetcher import fetch

    fetched = fetch(str(source.url), max_bytes=max_bytes)
    return Loaded(fetched.content, _suffix(fetched.path), fetched.content_type)


def store(key: str, content: bytes, content_type: str) -> str:
    """Write to the worker's storage; returns the address.

    Raises:
        Reject: the key is none.
        StorageError: the storage is away or full; the task is retried.
    """
    from worker_host.storage import BadAddress, open_storage

    try:
        return open_storage().put(key, content, content_type)
    except BadAddress as error:
        raise Reject(f"output.key: {error}") from error


def default_key(folder: str, task_id: str, suffix: str) -> str:
    """The key of a result without one: the same in every attempt, so a second run replaces it."""
    safe = "".join(c if c.isascii() and c.isalnum() else "_" for c in task_id)
    return f"{folder}/{safe[:100]}.{suffix}"


def _from_storage(address: str, max_bytes: int) -> bytes:
    from worker_host.storage import BadAddress, ObjectMissing, open_storage

    try:
        return open_storage().get(address, max_bytes)
    except (BadAddress, ObjectMissing) as error:
        raise Reject(f"source.storage: {error}") from error


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
