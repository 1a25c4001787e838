"""Payloads and results encrypted at rest: AES-256-GCM by keys of PAYLOAD_KEY, told apart by their id.

A sealed text is `!<key id>:<base64 of nonce and ciphertext>`: one line, and no JSON begins so, which is how
texts from before the variable was set are read on. It is bound to its place, so that nobody who can write to
Redis can pass a payload off as a result, or one task's result as another's. Both sides have the variable or neither can read.
"""

from __future__ import annotations

import base64
import binascii
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from shared.errors import DtqError, SettingsError
from shared.models import NAME

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = "!"
#: The place of every payload: a debounced submission's payload goes to the task that waits already.
PAYLOAD = "payload"
_NONCE_BYTES = 12
_EXAMPLE = "2026a:<base64 of 32 random bytes>, as printed by `python -m shared.sealing 2026a`"


class Unreadable(DtqError):
    """Raised when a stored body cannot be decrypted here: its key is missing, or it was changed."""

    slug = "unreadable-body"
    title = "A stored body cannot be decrypted"
    status = 503


class Sealer:
    """Encrypts by the first key and decrypts by whichever a text names.

    Args:
        keys: 32 bytes by key id, at least one; the first encrypts.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._first = next(iter(self._keys))
        self._ciphers: dict[str, AESGCM] = {}

    def seal(self, text: str, place: str) -> str:
        """Encrypt a text; `place` is where it will stand."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher(self._first).encrypt(nonce, text.encode(), place.encode())
        return f"{MARK}{self._first}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, stored: str, place: str) -> str:
        """Decrypt what `seal` made for the same place.

        Raises:
            Unreadable: the key is not there, or is another one of that id; or the text was changed or moved.
        """
        key_id, _, encoded = stored.removeprefix(MARK).partition(":")
        if key_id not in self._keys:
            raise _unknown_key(key_id)
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(encoded, validate=True)
            plain = self._cipher(key_id).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode())
        except (InvalidTag, binascii.Error, ValueError):
            raise Unreadable(
                f"The key {key_id!r} of PAYLOAD_KEY does not open this body: it is not the key that encrypted it, "
                "or the body was changed in Redis. Nothing was removed."
            ) from None
        return plain.decode()

    def _cipher(self, key_id: str) -> AESGCM:
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            cipher = self._ciphers[key_id] = AESGCM(self._keys[key_id])
        return cipher


def seal(sealer: Sealer | None, text: str, place: str) -> str:
    """Encrypt when there is a key."""
    return text if sealer is None else sealer.seal(text, place)


def unseal(sealer: Sealer | None, stored: str, place: str) -> str:
    """Decrypt what is encrypted, and pass on what is not.

    Raises:
        Unreadable: it is encrypted and cannot be decrypted here.
    """
    if not stored.startswith(MARK):
        return stored
    if sealer is None:
        raise _unknown_key(stored.removeprefix(MARK).partition(":")[0])
    return sealer.open(stored, place)


def result_place(task_id: str) -> str:
    """Where a task's result stands."""
    return f"result:{task_id}"


def schedule_place(schedule_id: str) -> str:
    """Where a schedule's definition stands."""
    return f"schedule:{schedule_id}"


def read_sealer(text: str | None) -> Sealer | None:
    """The keys of PAYLOAD_KEY: comma-separated `id:base64`; None when it is not set.

    Raises:
        SettingsError: an entry breaks a rule (the text is never repeated), or `cryptography` is missing.
    """
    if text is None:
        return None
    keys: dict[str, bytes] = {}
    entries = [entry.strip() for entry in text.split(",")]
    for number, entry in enumerate([entry for entry in entries if entry], 1):
        key_id, _, encoded = entry.partition(":")
        if not NAME.fullmatch(key_id):
            raise _wrong(
                f"entry {number} must begin with an id of letters, digits, '.', '_' or '-' and a colon."
            )
        if key_id in keys:
            raise _wrong(f"entry {number} has the id of an entry before; every key needs its own.")
        keys[key_id] = _key_of(encoded, number)
    if not keys:
        raise _wrong("is set but holds no key.")
    if find_spec("cryptography") is None:
        raise _wrong("needs the package cryptography: pip install cryptography.")
    return Sealer(keys)


def _key_of(encoded: str, number: int) -> bytes:
    try:
        standard = encoded.replace("-", "+").replace("_", "/").rstrip("=")
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise _wrong(f"entry {number} must hold the base64 of exactly 32 bytes.")
    return key


def _wrong(rule: str) -> SettingsError:
    return SettingsError("PAYLOAD_KEY", rule, _EXAMPLE)


def _unknown_key(key_id: str) -> Unreadable:
    return Unreadable(
        f"The body is encrypted with the key {key_id[:64]!r}, which PAYLOAD_KEY does not hold here. "
        "Add that key to PAYLOAD_KEY of API and workers. Nothing was removed."
    )


def main() -> int:
    """Print a new entry for PAYLOAD_KEY."""
    usage = "usage: python -m shared.sealing ID   (letters, digits, '.', '_' or '-')\n"
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name in ("-h", "--help"):
        sys.stdout.write(usage)
        return 0
    if not NAME.fullmatch(name):
        sys.stderr.write(usage)
        return 2
    sys.stdout.write(f"{name}:{base64.b64encode(os.urandom(32)).decode()}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
