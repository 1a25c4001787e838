"""API keys: only their SHA-256 is configured, and all are compared, in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from shared.errors import SettingsError
from shared.models import NAME
from shared.rates import EXAMPLE, Rate, read_rate

_DIGEST = re.compile(r"[0-9a-f]{64}")
_EXAMPLE = "web:submit:<sha256-hex>, as printed by `python -m api.keys web submit`"


class Role(StrEnum):
    """What a key may do."""

    SUBMIT = "submit"
    """Submit tasks, and read a task whose id it knows."""
    READ = "read"
    """Read everything."""
    ADMIN = "admin"
    """Everything."""


class Permission(StrEnum):
    """What a route asks for."""

    SUBMIT = "submit"
    READ_TASK = "read-task"
    READ = "read"
    CONTROL = "control"


PERMISSIONS = {
    Role.SUBMIT: frozenset({Permission.SUBMIT, Permission.READ_TASK}),
    Role.READ: frozenset({Permission.READ_TASK, Permission.READ}),
    Role.ADMIN: frozenset(Permission),
}


class ApiKey(NamedTuple):
    """One entry of API_KEYS.

    Attributes:
        name: who uses the key.
        role: what it may do.
        digest: SHA-256 of the key, hex.
        queues: the only queues that it reaches; None for all.
        rate: how fast it may submit, instead of API_RATE_LIMIT.
    """

    name: str
    role: Role
    digest: str
    queues: frozenset[str] | None = None
    rate: Rate | None = None


def digest_of(key: bytes) -> str:
    """What API_KEYS holds instead of the key."""
    return hashlib.sha256(key).hexdigest()


def find_key(keys: Sequence[ApiKey], presented: bytes) -> ApiKey | None:
    """The entry of a presented key; every entry is compared, whichever matches."""
    digest = digest_of(presented)
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


def is_secret(presented: bytes, secret: str) -> bool:
    """Whether a secret is presented; compared in constant time."""
    return hmac.compare_digest(presented, secret.strip().encode())


def read_keys(text: str | None) -> list[ApiKey]:
    """Entries of API_KEYS; the error never repeats what was configured, as it may be a key.

    Raises:
        SettingsError: an entry breaks a rule, or none is there although the variable is set.
    """
    if text is None:
        return []
    entries = [entry.strip() for entry in text.split(",")]
    keys = [_read_entry(entry, number) for number, entry in enumerate(entries, 1) if entry]
    if not keys:
        raise SettingsError("API_KEYS", "is set but holds no entry.", _EXAMPLE)
    if len({key.name for key in keys}) < len(keys):
        raise SettingsError("API_KEYS", "holds a name twice; every key needs its own.", _EXAMPLE)
    return keys


def _read_entry(entry: str, number: int) -> ApiKey:
    """`name:role:digest`, and behind it what may be left out: `:queue+queue` and `:rate`."""
    name, role, digest, queues, rate, *more = [*entry.split(":"), *[""] * max(0, 4 - entry.count(":"))]
    names = queues.split("+") if queues else []
    if not NAME.fullmatch(name):
        rule = f"entry {number} must begin with a name of letters, digits, '.', '_' or '-'."
    elif role not in set(Role):
        rule = f"entry {number} names no role; roles are {', '.join(Role)}."
    elif not _DIGEST.fullmatch(digest.lower()):
        rule = f"entry {number} must have the key's SHA-256, 64 hex digits, in its third place, not the key itself."
    elif more or entry.endswith(":"):
        rule = f"entry {number} has more than name, role, SHA-256, queues (with '+' between) and rate."
    elif not all(map(NAME.fullmatch, names)):
        rule = f"entry {number} is bound to what is no queue name; put '+' between names."
    elif rate and read_rate(rate) is None:
        rule = f"entry {number} ends in what is no rate such as {EXAMPLE}."
    else:
        return ApiKey(name, Role(role), digest.lower(), frozenset(names) or None, read_rate(rate))
    raise SettingsError("API_KEYS", rule, _EXAMPLE)
