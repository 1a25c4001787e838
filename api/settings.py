"""What the API reads from the environment, and what it refuses to start serving without."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from api.errors import NotConfigured
from api.security.keys import ApiKey, read_keys
from shared.errors import SettingsError
from shared.notify import targets_of
from shared.rates import EXAMPLE, Rate, read_rate
from shared.sealing import read_sealer
from shared.settings import Settings, redis_target


class ApiSettings(Settings):
    """Settings of the API, beside those that both sides share."""

    model_config = ConfigDict(hide_input_in_errors=True)

    api_keys: str | None = Field(default=None, repr=False)
    """Comma-separated `name:role:sha256-hex[:queue+queue[:rate]]`; `python -m api.keys` makes an entry."""
    api_rate_limit: str | None = None
    """How fast each key may submit that names no rate itself, such as `100/s`; no limit by default."""
    session_secret: str | None = Field(default=None, repr=False, min_length=32)
    """Signs the dashboard's sessions; derived from Redis' credentials by default."""
    session_seconds: int = Field(default=12 * 3_600, ge=60, le=30 * 86_400)
    """How long a sign-in lasts."""
    allow_keyless: bool = False
    """Without keys, serve peers that are not loopback; Host and Origin stay checked."""
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1_024, le=64 * 1024 * 1024)
    """Vercel itself ends at 4.5 MB."""
    max_payload_bytes: int = Field(default=256 * 1024, ge=64, le=4 * 1024 * 1024)
    check_task_types: bool = True
    """Refuse a task type that no live worker knows, while live workers are known."""
    monthly_budget_calls: int | None = Field(default=None, ge=1)
    """Redis calls a month: a warning at 80 %, slower viewers at 90 %, no low priorities at 100 %."""
    redis_plan: Literal["auto", "free", "pay-as-you-go", "fixed-250mb", "fixed-1gb", "fixed-5gb", "own"] = (
        "auto"
    )
    """The plan whose unit the dashboard's cost is told in; `auto` guesses (`api/plans.py`)."""
    cron_secret: str | None = Field(default=None, repr=False)
    """What Vercel's cron sends as `Authorization: Bearer`; opens /api/cron/tick and nothing else."""
    events_pace: Literal["auto", "saving", "fast"] = "auto"
    """How often Redis is asked for viewers: `saving` where calls are billed, which `auto` finds out."""
    events_stream_seconds: float = Field(default=280.0, ge=1, le=3_600)
    """An event stream ends by itself then; before the platform ends it."""
    max_wait_seconds: float = Field(default=60.0, ge=0, le=280)
    """The longest `Prefer: wait`."""
    log_requests: bool = True
    """One JSON line per request on standard output."""
    cors_origins: str = ""
    """Comma-separated origins of browsers' pages that may call the API; none by default."""

    @property
    def rate_limit(self) -> Rate | None:
        """The rate of API_RATE_LIMIT; `configuration_problem` tells when it is none."""
        return read_rate(self.api_rate_limit) if self.api_rate_limit else None

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins of CORS_ORIGINS."""
        return tuple(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())


def read_settings() -> ApiSettings:
    """The environment.

    Raises:
        SettingsError: naming the first variable that is wrong. Anybody may read it in an answer, so
            it does not repeat the value.
    """
    try:
        return ApiSettings.model_validate(ApiSettings.variables())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        variable = str(first["loc"][0]).upper() if first["loc"] else "settings"
        rule = first["msg"].replace("Input should", "must")
        raise SettingsError(variable, f"{rule}.", f"{variable}=…") from None


def configuration_problem(settings: ApiSettings) -> NotConfigured | None:
    """Why no route but /api/health may be served; every fault at once, so that one visit mends all."""
    faults: list[SettingsError] = []
    keys: list[ApiKey] = []
    try:
        keys = read_keys(settings.api_keys)
    except SettingsError as error:
        faults.append(error)
    if settings.vercel and not keys and not faults:
        faults.append(
            SettingsError(
                "API_KEYS",
                "is missing; on Vercel the API serves nobody without keys.",
                "web:admin:<sha256-hex>, as printed by `python -m api.keys web admin`",
            )
        )
    if settings.api_rate_limit and settings.rate_limit is None:
        faults.append(SettingsError("API_RATE_LIMIT", "is no rate.", EXAMPLE))
    for check in (
        lambda: redis_target(settings),
        lambda: targets_of(settings.alerts),
        lambda: read_sealer(settings.payload_key),
    ):
        try:
            check()
        except SettingsError as error:
            faults.append(error)
    return NotConfigured(faults) if faults else None
