"""Where handlers keep files: a folder, or a bucket of anything that speaks S3.

`put` returns an address (`file:///…` or `s3://…`) that `get` takes again; a bare key works too. An
address outside of the configured storage is refused, so a submitter reads only what handlers may.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from shared.errors import SettingsError
from worker_host.handler_settings import StorageSettings

if TYPE_CHECKING:
    from obstore.store import S3Store

#: Every part begins with a letter, digit or underscore: no `..`, no hidden file, no draft of ours.
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+@-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9._=+@-]{0,127}){0,15}")


class StorageError(Exception):
    """Raised when the storage is away, full or refuses us: a retry may help."""


class BadAddress(StorageError):
    """Raised when a key or an address breaks a rule, or the object is too large: a retry cannot help."""


class ObjectMissing(StorageError):
    """Raised when nothing is stored there."""


class Storage(Protocol):
    """Bytes by key."""

    def put(self, key: str, content: bytes, content_type: str) -> str:
        """Store `content`, all or nothing, over what was there; returns its address."""

    def get(self, address: str, max_bytes: int) -> bytes:
        """What is stored at an address or key, of at most `max_bytes`."""


def open_storage(settings: StorageSettings | None = None) -> Storage:
    """The storage that `STORAGE_URL` names.

    Raises:
        SettingsError: it names none that we know.
    """
    settings = settings or StorageSettings.load()
    parts = urlsplit(settings.storage_url)
    if parts.scheme == "s3":
        return BucketStorage(parts.netloc, parts.path.strip("/"), settings.s3_endpoint_url)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise SettingsError(
            "STORAGE_URL", "a folder's URL has a path and nothing else.", "file:///var/lib/dtq/storage"
        )
    return FolderStorage(Path(unquote(parts.path)))


def checked_key(key: str) -> str:
    """The key itself, when it is one.

    Raises:
        BadAddress: it is not; says what a key may contain.
    """
    if not KEY.fullmatch(key):
        raise BadAddress(
            f"{key!r} is no storage key: parts of 1 to 128 letters, digits and ._=+@- joined by '/', "
            "each beginning with a letter, digit or '_'"
        )
    return key


def key_of(address: str, base: str) -> str:
    """The key of an address below `base` (which ends with '/'), or of a bare key.

    Raises:
        BadAddress: the address lies elsewhere.
    """
    if address.startswith(base):
        return checked_key(address[len(base) :])
    if ":" in address:
        raise BadAddress(f"{address!r} lies outside of this worker's storage ({base})")
    return checked_key(address)


def _bounded(size: int, address: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise BadAddress(f"{address!r} has {size} bytes, more than the {max_bytes} that are read")


class FolderStorage:
    """Files below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute().resolve()
        self._base = self._root.as_uri() + "/"

    def put(self, key: str, content: bytes, content_type: str) -> str:
        """Store a file; readers see the old or the new one, never a part. The type is not kept."""
        path = self._path(checked_key(key))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{uuid4().hex}.part")
            try:
                with draft.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(path)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StorageError(f"{key!r} cannot be written: {error}") from error
        return self._base + key

    def get(self, address: str, max_bytes: int) -> bytes:
        """Read a file."""
        path = self._path(key_of(address, self._base))
        try:
            with path.open("rb") as file:
                _bounded(os.fstat(file.fileno()).st_size, address, max_bytes)
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectMissing(f"nothing is stored at {address!r}") from error
        except OSError as error:
            raise StorageError(f"{address!r} cannot be read: {error}") from error

    def _path(self, key: str) -> Path:
        path = self._root / key
        # A link that somebody put into the folder must not lead out of it.
        if not path.resolve().is_relative_to(self._root):
            raise BadAddress(f"{key!r} leads out of this worker's storage")
        return path


class BucketStorage:
    """Objects of one bucket below one prefix."""

    def __init__(self, bucket: str, prefix: str, endpoint_url: str | None) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint_url = endpoint_url
        self._base = f"s3://{bucket}/{self._prefix}"

    def put(self, key: str, content: bytes, content_type: str) -> str:
        """Store an object with its content type."""
        import obstore.exceptions

        path = self._prefix + checked_key(key)
        try:
            self._store().put(path, content, attributes={"Content-Type": content_type})
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StorageError(f"{self._base}{key} cannot be written: {error}") from error
        return self._base + key

    def get(self, address: str, max_bytes: int) -> bytes:
        """Read an object; its size is known, and judged, before its body is read."""
        import obstore.exceptions

        path = self._prefix + key_of(address, self._base)
        try:
            found = self._store().get(path)
            _bounded(found.meta["size"], address, max_bytes)
            return bytes(found.bytes())
        except (obstore.exceptions.NotFoundError, FileNotFoundError) as error:
            raise ObjectMissing(f"nothing is stored at {address!r}") from error
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StorageError(f"{address!r} cannot be read: {error}") from error

    def _store(self) -> S3Store:
        from obstore.store import S3Store

        url = self._endpoint_url
        return S3Store(
            self._bucket,
            config={"endpoint": url} if url else {},
            client_options={
                "timeout": "60s",
                "connect_timeout": "5s",
                "allow_http": bool(url and url.startswith("http://")),
            },
            # The queue retries too, with a backoff that everybody sees.
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
        )
