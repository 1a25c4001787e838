"""Handlers that are told a secret and do their worst with it, short of sending it away on purpose."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from worker_host.context import Context
from worker_host.handlers import Reject, register_handler


class Account(BaseModel):
    name: str
    token: SecretStr | None = None


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")

    password: SecretStr
    accounts: list[Account] = []
    by_name: dict[str, SecretStr] = {}
    how: str = "ok"

    @field_validator("password")
    @classmethod
    def _not_refused(cls, password: SecretStr) -> SecretStr:
        if password.get_secret_value().startswith("refused"):
            raise ValueError(f"{password.get_secret_value()} is refused")
        return password


def _misuse(payload: Login, context: Context) -> dict[str, Any]:
    secret = payload.password.get_secret_value()
    context.log(f"logging in with {secret}", password=secret)
    context.progress(0.5, f"half way with {secret}")
    if payload.how == "raise":
        try:
            raise KeyError(secret)  # noqa: TRY301
        except KeyError:
            raise ValueError(f"cannot log in: {secret!r} at https://x/?p={secret}") from None
    if payload.how == "chain":
        try:
            raise KeyError(secret)  # noqa: TRY301
        except KeyError as error:
            raise RuntimeError("x" * 1_990 + secret) from error
    if payload.how == "reject":
        raise Reject(f"{secret} is wrong")
    if payload.how == "validate":
        Account.model_validate({"name": [secret]})
    return {"echo": secret, "name": payload.by_name and "named", "shown": str(payload)}


@register_handler("login", max_retries=0)
async def login(payload: Login, context: Context) -> dict[str, Any]:
    return _misuse(payload, context)


@register_handler("login.process", run_in="process", max_retries=0)
def login_in_process(payload: Login, context: Context) -> dict[str, Any]:
    return _misuse(payload, context)


@register_handler("login.thread", max_retries=0)
def login_in_thread(payload: Login, context: Context) -> dict[str, Any]:
    return _misuse(payload, context)
