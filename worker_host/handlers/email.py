"""The `email` task: one message by SMTP, or into the outbox folder when no server is set."""

from __future__ import annotations

import asyncio
from email.headerregistry import Address
from typing import Any

from pydantic import ValidationError

from shared.errors import SettingsError
from worker_host.control import Reject
from worker_host.handler_settings import EmailSettings
from worker_host.handlers._base import TaskContext
from worker_host.handlers._email_message import build_message
from worker_host.handlers._email_payload import EmailPayload, as_list, parse_address
from worker_host.handlers._email_transports import send, write_to_outbox
from worker_host.registry import register_handler


@register_handler("email", timeout_seconds=120.0, max_retries=5, never_retry=(ValidationError,))
async def send_email(payload: EmailPayload, context: TaskContext) -> dict[str, Any]:
    """Send an email by SMTP; without SMTP settings it is written to the outbox folder.

    Succeeds when at least one recipient is accepted, and lists the refused ones. A temporary
    refusal (4xx) is retried, a final one (5xx) goes to the dead letters at once.
    """
    settings = EmailSettings.load()
    sender = _sender(payload, settings)
    try:
        message = build_message(payload, sender, context.task_id)
    except UnicodeError as error:
        raise Reject(f"the message cannot be encoded: {error}; remove the broken characters") from error
    if settings.smtp_host:
        result = await send(message, sender.addr_spec, payload.recipients(), settings)
    else:
        if payload.bcc:
            message["Bcc"] = [parse_address(text) for text in as_list(payload.bcc)]
        result = await asyncio.to_thread(write_to_outbox, message, settings.outbox_dir)
    return {"message_id": message["Message-ID"], **result}


def _sender(payload: EmailPayload, settings: EmailSettings) -> Address:
    """The payload's `from`, else SMTP_FROM, else a login that is an address."""
    if payload.sender:
        return parse_address(payload.sender)
    text = settings.smtp_from
    if not text and settings.smtp_username and "@" in settings.smtp_username:
        text = settings.smtp_username
    if not text and settings.smtp_host:
        raise SettingsError(
            "SMTP_FROM", "must be set for messages without `from`.", "SMTP_FROM='Acme <mail@acme.example>'"
        )
    try:
        return parse_address(text or "dtq@localhost")
    except ValueError as error:
        raise SettingsError("SMTP_FROM", f"{error}.", "SMTP_FROM='Acme <mail@acme.example>'") from error
