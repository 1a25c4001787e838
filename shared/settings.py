"""Settings that both sides share; an error names the variable, the rule and an example."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import SettingsError
from shared.keys import MAX_SHARDS

_S = TypeVar("_S", bound="Settings")


class Environment(BaseModel):
    """Settings out of the environment: a field's name in capitals is its variable.

    A variable that is set to nothing counts as not set, because compose files pass `${NAME:-}`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def variables(cls) -> dict[str, str]:
        """What the environment holds of the fields, by field."""
        return {name: value for name in cls.model_fields if (value := os.environ.get(name.upper()))}


class Settings(Environment):
    """What both sides read from the environment.

    Redis is found in this order: UPSTASH_REDIS_REST_URL with its token, KV_REST_API_URL with its
    token (Vercel's marketplace), REDIS_URL.
    """

    upstash_redis_rest_url: str | None = None
    upstash_redis_rest_token: str | None = Field(default=None, repr=False)
    kv_rest_api_url: str | None = None
    kv_rest_api_token: str | None = Field(default=None, repr=False)
    redis_url: str | None = Field(default=None, repr=False)
    redis_cluster: bool = False
    dtq_namespace: str | None = Field(default=None, max_length=64, examples=["production"])
    dtq_shards: int = Field(default=1, ge=1, le=MAX_SHARDS)
    vercel: bool = False
    vercel_env: str | None = None
    vercel_git_commit_ref: str | None = None
    retention_seconds: int = Field(default=7 * 86_400, ge=1, le=366 * 86_400)
    payload_key: str | None = Field(default=None, repr=False)
    """Comma-separated `id:base64`; encrypts payloads and results, by the first key (`shared/sealing.py`)."""
    retention_count: int = Field(default=100_000, ge=100, le=10_000_000)
    dead_retention_seconds: int = Field(default=30 * 86_400, ge=1, le=366 * 86_400)
    """Dead letters wait longer than others: somebody is to look at them."""
    dead_retention_count: int = Field(default=100_000, ge=100, le=10_000_000)

    alerts: str | None = Field(default=None, repr=False)
    """Where to tell of trouble: comma-separated URLs that take {"text": …}, and mailto: addresses."""
    alert_oldest_seconds: float = Field(default=300.0, gt=0)
    alert_dead: int = Field(default=10, ge=0)
    """Tasks that die within ten minutes."""
    alert_no_worker_seconds: float = Field(default=600.0, gt=0)
    durability: Literal["normal", "strict"] = "normal"
    """strict: a submission is answered when the disk has it (WAITAOF), or with 503."""

    @property
    def namespace(self) -> str:
        """Prefix of every key: as set; the branch on a Vercel preview; else `production`."""
        if self.dtq_namespace:
            return re.sub(r"[^A-Za-z0-9._-]+", "-", self.dtq_namespace)
        if self.vercel_env == "preview":
            branch = re.sub(r"[^A-Za-z0-9._-]+", "-", self.vercel_git_commit_ref or "branch")
            return f"preview-{branch}"[:64]
        return "production"

    @classmethod
    def read(cls: type[_S], **overrides: Any) -> _S:
        """Read the environment; `overrides` win.

        Raises:
            SettingsError: naming the first variable that is wrong.
        """
        try:
            return cls.model_validate({**cls.variables(), **overrides})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "settings"
            variable = name.upper()
            raise SettingsError(
                variable, f"{first['msg']} (got {first['input']!r}).", f"{variable}={_example(cls, name)}"
            ) from None


def _example(settings: type[Settings], name: str) -> object:
    """A right value of a variable: the example of its field, else its default."""
    field = settings.model_fields.get(name)
    if field is None:
        return "…"
    return field.examples[0] if field.examples else field.default


@dataclass(frozen=True, slots=True)
class RestTarget:
    """Redis over REST: an Upstash database, or a gateway that speaks its protocol."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class TcpTarget:
    """Redis over TCP: one server, or a node of a cluster.

    Attributes:
        url: of the server, or of one node.
        is_cluster: whether it belongs to a cluster.
        seeds: host and port of more nodes, to ask when that one is away.
    """

    url: str
    is_cluster: bool = False
    seeds: tuple[tuple[str, int], ...] = ()


def redis_target(settings: Settings) -> RestTarget | TcpTarget:
    """Where Redis is.

    Raises:
        SettingsError: nothing is set, a token is missing, or a URL is not one.
    """
    for prefix in ("upstash_redis_rest", "kv_rest_api"):
        url, token = getattr(settings, f"{prefix}_url"), getattr(settings, f"{prefix}_token")
        if url and not token:
            raise SettingsError(f"{prefix.upper()}_TOKEN", f"is missing beside {prefix.upper()}_URL.", "AX…")
        if url and token:
            _check_url(f"{prefix.upper()}_URL", url, ("https", "http"), "https://eu1-name.upstash.io")
            return RestTarget(url.rstrip("/"), token)
    if settings.redis_url:
        return tcp_target(settings)
    raise SettingsError(
        "UPSTASH_REDIS_REST_URL",
        "no Redis is configured; set it with UPSTASH_REDIS_REST_TOKEN, or KV_REST_API_URL with "
        "KV_REST_API_TOKEN, or REDIS_URL.",
        "https://eu1-name.upstash.io",
    )


def tcp_target(settings: Settings) -> TcpTarget:
    """Redis over TCP, which a worker needs.

    Raises:
        SettingsError: REDIS_URL is missing, no Redis URL, or names a file of certificates that is not there.
    """
    example = "rediss://default:<password>@eu1-name.upstash.io:6379"
    if not settings.redis_url:
        raise SettingsError("REDIS_URL", "is missing; a worker talks to Redis over TCP.", example)
    url = re.sub(r"^(rediss?)\+cluster://", r"\1://", settings.redis_url)
    is_cluster = settings.redis_cluster or url != settings.redis_url
    target = _cluster_target(url) if is_cluster else TcpTarget(url)
    _check_url("REDIS_URL", target.url, ("redis", "rediss"), example)
    for file in parse_qs(urlsplit(target.url).query).get("ssl_ca_certs", []):
        if not Path(file).is_file():
            raise SettingsError("REDIS_URL", f"names ssl_ca_certs={file}, where no file is.", example)
    return target


def _cluster_target(url: str) -> TcpTarget:
    """A cluster by one or several of its nodes: `redis://user:password@node-1:6379,node-2:6379`."""
    example = "redis+cluster://node-1:6379,node-2:6379"
    scheme, _, rest = url.partition("://")
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    access, at, hosts = place.rpartition("@")
    urls = [f"{scheme}://{access}{at}{host.strip()}{rest[len(place) :]}" for host in hosts.split(",")]
    for one in urls:
        _check_url("REDIS_URL", one, ("redis", "rediss"), example)
    parts = [urlsplit(one) for one in urls]
    if parts[0].path not in ("", "/", "/0"):
        raise SettingsError("REDIS_URL", "names a database; a cluster has only number 0.", example)
    seeds = tuple((part.hostname or "", part.port or 6379) for part in parts[1:])
    return TcpTarget(urls[0], is_cluster=True, seeds=seeds)


def _check_url(variable: str, url: str, schemes: tuple[str, ...], example: str) -> None:
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise SettingsError(variable, f"is no {' or '.join(schemes)} URL with a host.", example)
