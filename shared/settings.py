"""Settings that both sides share; an error names the variable, the rule and an example."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import SettingsError
from shared.keys import MAX_SHARDS

_S = TypeVar("_S", bound="Settings")


class Settings(BaseSettings):
    """What both sides read from the environment.

    Redis is found in this order: UPSTASH_REDIS_REST_URL with its token, KV_REST_API_URL with its
    token (Vercel's marketplace), REDIS_URL.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    upstash_redis_rest_url: str | None = None
    upstash_redis_rest_token: str | None = Field(default=None, repr=False)
    kv_rest_api_url: str | None = None
    kv_rest_api_token: str | None = Field(default=None, repr=False)
    redis_url: str | None = Field(default=None, repr=False)
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
            return cls(**overrides)
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
    """Redis over TCP."""

    url: str


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
    _check_url("REDIS_URL", settings.redis_url, ("redis", "rediss"), example)
    for file in parse_qs(urlsplit(settings.redis_url).query).get("ssl_ca_certs", []):
        if not Path(file).is_file():
            raise SettingsError("REDIS_URL", f"names ssl_ca_certs={file}, where no file is.", example)
    return TcpTarget(settings.redis_url)


def _check_url(variable: str, url: str, schemes: tuple[str, ...], example: str) -> None:
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise SettingsError(variable, f"is no {' or '.join(schemes)} URL with a host.", example)
