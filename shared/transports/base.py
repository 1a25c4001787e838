"""The seam between the engine and Redis: a small protocol, and what servers' errors mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from shared.errors import DtqError, ScriptFailed, StoreError, StoreFull, StoreRefused, StoreUnavailable
from shared.scripts import Script

#: What Redis answers: text, integers, None, and lists of them.
Reply = Any

#: A caller hears of a failed store within this time, retries included.
DEADLINE_S = 4.5

#: Entries that one wait returns at most.
WAIT_COUNT = 128

_AWAY = (
    "LOADING",
    "MISCONF",
    "READONLY",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
    "MASTERDOWN",
    "NOREPLICAS",
    "UNBLOCKED",
)
_REFUSED = ("WRONGPASS", "NOAUTH", "NOPERM", "ERR max requests limit", "ERR invalid password")
_PROTECTED = (
    "Redis is in protected mode: without a password it serves its own machine only. Give it one "
    "(requirepass), or turn the mode off (--protected-mode no) on a network that only its clients reach."
)
_ELSEWHERE = ("MOVED", "ASK")
_FULL = ("OOM", "ERR DB capacity quota")


class ScriptSignal(DtqError):
    """Raised when a script answers one of its own error codes; the queue gives it its meaning.

    Attributes:
        code: such as `DTQ_NOT_FOUND`, as declared by `@error` in the script's header.
        words: what follows the code.
        price: Redis calls that were made before the script refused.
    """

    def __init__(self, code: str, words: list[str], price: int = 1) -> None:
        super().__init__(" ".join([code, *words]))
        self.code = code
        self.words = words
        self.price = price


class NoScript(StoreError):
    """Raised when the server does not hold the script: it must be sent with its body."""


class Elsewhere(StoreRefused):
    """Raised when another node of a cluster has the keys of a call."""


class Transport(Protocol):
    """How the engine reaches Redis; every method may be repeated, as every script may run twice."""

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        """Run a script in one round trip.

        Raises:
            ScriptSignal: the script's own error code.
            StoreError: Redis is away, full, refuses us, or answers nonsense.
        """
        ...

    async def command(self, *words: str) -> Reply:
        """Run one plain command that reads."""
        ...

    async def persist(self, key: str, timeout_ms: int) -> bool:
        """Whether a disk of the server has, within `timeout_ms`, all that was written to it before.

        `key` is written to ask for that: a connection waits for no writes but those before its own last one.

        Raises:
            StoreError: the server cannot tell, as it keeps no append-only file or does not know WAITAOF.
        """
        ...

    async def wait(self, stream: str, cursor: str, timeout_ms: int) -> list[tuple[str, dict[str, str]]]:
        """Entries of `stream` after `cursor`, or none when `timeout_ms` passed without one.

        Raises:
            StoreError: the connection was lost; entries may have been missed, so look first.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def unreachable(text: str) -> StoreError:
    """The error that a failed connection stands for; a wrong certificate is no matter of waiting."""
    if "CERTIFICATE_VERIFY_FAILED" in text:
        reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0].rstrip(".") or text
        return StoreRefused(
            f"Redis's certificate is not accepted: {reason}. If its CA is your own, name the CA's file by "
            "SSL_CERT_FILE (or by ?ssl_ca_certs= in REDIS_URL); the host must be one that it is made out to."
        )
    return StoreUnavailable(f"Redis does not answer: {text}")


def persisting(key: str, timeout_ms: int) -> list[list[str]]:
    """What `persist` sends, in one pipeline on one connection."""
    return [["SET", key, "1"], ["WAITAOF", "1", "0", str(timeout_ms)]]


def is_on_disk(reply: Reply) -> bool:
    """What the answer to WAITAOF says: how many disks of the server itself, and how many of replicas, have it.

    Raises:
        StoreUnavailable: it is no answer of that kind.
    """
    if not isinstance(reply, list) or len(reply) != 2 or not isinstance(reply[0], int):
        raise StoreUnavailable(f"Redis answered nonsense to WAITAOF: {str(reply)[:80]!r}")
    return reply[0] >= 1


def error_of(text: str, script: Script | None = None) -> DtqError:
    """The error that a server's error text stands for."""
    if text.startswith("ERR DTQ_"):
        text = text.removeprefix("ERR ")  # servers put it before an error of one word
    head, _, rest = text.partition(" ")
    if head.startswith("DTQ_"):
        # Servers append where in the script the error arose; the words before are ours.
        return _signal(head, rest.split(" script: ")[0].split())
    if head == "NOSCRIPT":
        return NoScript(text)
    if text.startswith(_FULL) or "OOM command not allowed" in text:
        return StoreFull("Redis has no memory left; nothing was stored. Free memory or raise its limit.")
    if text.startswith("DENIED Running in protected mode"):
        return StoreRefused(_PROTECTED)
    if text.startswith(_REFUSED):
        return StoreRefused(f"Redis refused the call: {text}")
    if head in _ELSEWHERE:
        return Elsewhere(
            f"This Redis is one node of a cluster: {text}. Set REDIS_CLUSTER=1, or begin REDIS_URL with "
            "redis+cluster:// or rediss+cluster://."
        )
    if head in _AWAY or any(word in text for word in ("max number of clients", "-MISCONF")):
        return StoreUnavailable(f"Redis cannot serve now: {text}")
    return ScriptFailed(script.locate(text) if script else text)


def _signal(code: str, words: list[str]) -> ScriptSignal:
    """A script's refusal; its last word is the price, as in `#4`."""
    if words and words[-1].startswith("#") and words[-1][1:].isdecimal():
        return ScriptSignal(code, words[:-1], int(words[-1][1:]))
    return ScriptSignal(code, words)
