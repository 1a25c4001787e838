"""Where a message goes: an SMTP server, or a file in the outbox folder."""

from __future__ import annotations

import re
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from worker_host.control import Reject
from worker_host.handler_settings import EmailSettings, TlsMode

if TYPE_CHECKING:
    import aiosmtplib


class DeliveryError(Exception):
    """Raised when the message was not accepted now and may be later: the task is retried."""


async def send(
    message: EmailMessage, sender: str, recipients: list[str], settings: EmailSettings
) -> dict[str, Any]:
    """Hand the message to the SMTP server.

    A connection that is lost after the server took the message, and before it said so, makes the
    retry a second copy; both carry the same Message-ID.

    Raises:
        Reject: the server's answer is final (5xx).
        DeliveryError: the server is away, busy or not trusted, or answered 4xx.
    """
    import aiosmtplib

    try:
        async with _client(settings) as client:
            refused, _ = await client.send_message(message, sender=sender, recipients=recipients)
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _nobody(error.recipients) from error
    except aiosmtplib.SMTPAuthenticationError as error:
        text = "refused the login; check SMTP_USERNAME and SMTP_PASSWORD of the worker, then requeue"
        raise _failure(error.code, text, f"{error.code} {error.message}") from error
    except aiosmtplib.SMTPResponseException as error:
        raise _failure(error.code, "refused the message", f"{error.code} {error.message}") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        where = f"{settings.smtp_host}:{settings.smtp_port or 'default port'} (SMTP_TLS={settings.smtp_tls})"
        raise DeliveryError(
            f"the mail server {where} cannot be used: {type(error).__name__}: {error}"
        ) from error
    return {
        "transport": "smtp",
        "accepted": [address for address in recipients if address not in refused],
        "refused": {address: {"code": a.code, "message": a.message} for address, a in refused.items()},
    }


def _client(settings: EmailSettings) -> aiosmtplib.SMTP:
    from worker_host.handlers._email_client import SmtpClient

    password = settings.smtp_password
    return SmtpClient(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
        use_tls=settings.smtp_tls is TlsMode.IMPLICIT,
        start_tls=settings.smtp_tls is TlsMode.STARTTLS,
        tls_context=ssl.create_default_context(cafile=settings.smtp_ca_file),
        timeout=settings.smtp_timeout_seconds,
    )


def _nobody(answers: list[aiosmtplib.SMTPRecipientRefused]) -> Exception:
    """Every recipient was refused; one that is refused for now makes it worth a retry."""
    texts = [f"{answer.recipient}: {answer.code} {answer.message}" for answer in answers]
    return _failure(min(answer.code for answer in answers), "refused every recipient", "; ".join(texts))


def _failure(code: int, what: str, answer: str) -> Exception:
    """5xx is final (RFC 5321 §4.2.1); whatever else is no success may pass."""
    text = f"the mail server {what}: {answer}"
    return Reject(text) if 500 <= code <= 599 else DeliveryError(text)


def write_to_outbox(message: EmailMessage, folder: Path) -> dict[str, Any]:
    """Write the message as an `.eml` file, named by its Message-ID; a second run replaces it."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (re.sub(r"[^A-Za-z0-9.@-]", "", message["Message-ID"]) + ".eml")
    draft = folder / f".{uuid4().hex}.part"
    try:
        draft.write_bytes(message.as_bytes())
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return {
        "transport": "outbox",
        "path": str(target.resolve()),
        "note": "SMTP_HOST is not set on this worker: the message was written to a file and not sent",
    }
