"""Settings of the built-in handlers: environment variables, read when a handler needs them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator

from shared.errors import SettingsError
from shared.settings import Environment

S = TypeVar("S", bound="HandlerSettings")
MIB = 1_048_576


class HandlerSettings(Environment):
    """Base of the groups below; `load` is how a handler reads one."""

    @classmethod
    def load(cls: type[S]) -> S:
        """Read the environment.

        Raises:
            SettingsError: a variable is missing or wrong; names it and gives an example.
        """
        try:
            return cls.model_validate(cls.variables())
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            name = str(first["loc"][0] if first["loc"] else first["ctx"]["error"].args[1])
            examples = cls.model_fields[name.lower()].examples or [""]
            rule = (
                str(first["ctx"]["error"].args[0]) if first["type"] == "value_error" else first["msg"] + "."
            )
            # The cause carries the values, and a value may be a password.
            raise SettingsError(name.upper(), rule, f"{name.upper()}={examples[0]}") from None


class TlsMode(StrEnum):
    """How the connection to the mail server is encrypted."""

    STARTTLS = "starttls"
    """Begins in clear and must be upgraded; a server that offers no upgrade is refused."""
    IMPLICIT = "implicit"
    """Encrypted from the first byte (port 465)."""
    NONE = "none"
    """In clear, the login included: for servers on the same machine or private network."""


class EmailSettings(HandlerSettings):
    """Where mail goes: an SMTP server, or the outbox folder when `SMTP_HOST` is not set."""

    smtp_host: Annotated[str | None, Field(examples=["smtp.example.com"])] = None
    smtp_port: Annotated[int | None, Field(ge=1, le=65_535, examples=["587"])] = None
    smtp_username: Annotated[str | None, Field(examples=["mailer"])] = None
    smtp_password: Annotated[SecretStr | None, Field(examples=["<the password>"])] = None
    smtp_tls: Annotated[TlsMode, Field(examples=["starttls"])] = TlsMode.STARTTLS
    smtp_ca_file: Annotated[Path | None, Field(examples=["/etc/ssl/private-ca.pem"])] = None
    smtp_from: Annotated[str | None, Field(examples=["Acme <mail@acme.example>"])] = None
    smtp_timeout_seconds: Annotated[float, Field(gt=0, le=600, examples=["30"])] = 30.0
    outbox_dir: Annotated[Path, Field(examples=["/var/lib/dtq/outbox"])] = Path(".data/outbox")

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        if self.smtp_username and not self.smtp_password:
            raise ValueError("must be set when SMTP_USERNAME is set.", "smtp_password")
        if self.smtp_password and not self.smtp_username:
            raise ValueError("must be set when SMTP_PASSWORD is set.", "smtp_username")
        return self


class FetchSettings(HandlerSettings):
    """What the guarded fetcher may reach, and how long it may take."""

    fetch_allow_private: Annotated[bool, Field(examples=["false"])] = False
    fetch_allow_http: Annotated[bool, Field(examples=["false"])] = False
    fetch_ports: Annotated[str, Field(pattern=r"^(any|\d{1,5}(,\d{1,5})*)$", examples=["443,8443"])] = (
        "443,8443"
    )
    fetch_timeout_seconds: Annotated[float, Field(gt=0, le=600, examples=["30"])] = 30.0
    fetch_max_redirects: Annotated[int, Field(ge=0, le=20, examples=["5"])] = 5
    fetch_ca_file: Annotated[Path | None, Field(examples=["/etc/ssl/private-ca.pem"])] = None


class WebhookSettings(HandlerSettings):
    """What webhooks are signed with."""

    webhook_secret: Annotated[
        SecretStr | None, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    ] = None
    """`whsec_` and base64; several, separated by blanks, while a new one replaces an old one."""


class StorageSettings(HandlerSettings):
    """Where handlers keep files; credentials and region are the AWS_* variables that every S3 client reads."""

    storage_url: Annotated[str, Field(pattern="^(file:.|s3://.)", examples=["s3://bucket/prefix"])] = (
        "file:.data/storage"
    )
    s3_endpoint_url: Annotated[
        str | None, Field(pattern="^https?://", examples=["https://s3.example.com"])
    ] = None


class DataSettings(HandlerSettings):
    """Limits of the `data` handler."""

    data_max_bytes: Annotated[int, Field(ge=1, le=4_096 * MIB, examples=["67108864"])] = 64 * MIB
    """Of one source, bytes."""
    data_max_rows: Annotated[int, Field(ge=1, le=1_000_000_000, examples=["5000000"])] = 5_000_000
    """Of one table, sources and results of joins included."""


class ImageSettings(HandlerSettings):
    """Limits of the `image` handler."""

    image_max_bytes: Annotated[int, Field(ge=1, le=1_024 * MIB, examples=["33554432"])] = 32 * MIB
    """Of one encoded source, bytes."""
    image_max_pixels: Annotated[int, Field(ge=1, le=89_000_000, examples=["40000000"])] = 40_000_000
    """Width × height of a source or a result; Pillow itself refuses more than 89 million."""
    image_font_file: Annotated[Path | None, Field(examples=["/usr/share/fonts/brand.ttf"])] = None
    """A TrueType font for text watermarks; Pillow's built-in one when not set."""
