"""From payload to MIME message."""

from __future__ import annotations

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime

from worker_host.handlers._base import decode
from worker_host.handlers._email_payload import EmailPayload, as_list, parse_address


def build_message(payload: EmailPayload, sender: Address, task_id: str) -> EmailMessage:
    """The message as it is sent: without Bcc, with the same Message-ID in every attempt."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = message_id(task_id, sender.domain)
    message["Date"] = localtime()
    message["From"] = sender
    message["Subject"] = payload.subject
    message["To"] = [parse_address(text) for text in as_list(payload.to)]
    if payload.cc:
        message["Cc"] = [parse_address(text) for text in as_list(payload.cc)]
    if payload.reply_to:
        message["Reply-To"] = parse_address(payload.reply_to)
    for name, value in payload.headers.items():
        message[name] = value
    message.set_content(payload.text)
    if payload.html is not None:
        message.add_alternative(payload.html, subtype="html")
    for attachment in payload.attachments:
        main, _, sub = attachment.content_type.partition("/")
        message.add_attachment(
            decode(attachment.content), maintype=main, subtype=sub, filename=attachment.filename
        )
    return message


def message_id(task_id: str, domain: str) -> str:
    """The Message-ID of a task: a task that ran twice is recognised by it.

    >>> message_id("0:01J9", "example.com")
    '<dtq.0.01J9.23738127@example.com>'
    """
    # Different ids may become the same text, hence the digest.
    readable = re.sub(r"[^A-Za-z0-9]+", ".", task_id).strip(".")[:64]
    digest = hashlib.sha256(task_id.encode()).hexdigest()[:8]
    return f"<dtq.{readable}.{digest}@{domain}>"
