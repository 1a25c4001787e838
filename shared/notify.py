"""Where alerts go: an address that takes JSON, as Slack's incoming webhooks do, or a mailbox."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.alerts import Send
from shared.errors import SettingsError
from shared.models import TaskSubmission
from shared.queue import TaskQueue

TIMEOUT_S = 5.0
_EXAMPLE = "ALERTS=https://hooks.slack.com/services/…,mailto:ops@example.org"


def targets_of(text: str | None) -> list[str]:
    """The targets of ALERTS.

    Raises:
        SettingsError: one of them is neither an https or http URL nor a mailto: address.
    """
    targets = [part.strip() for part in (text or "").split(",") if part.strip()]
    for target in targets:
        parts = urlsplit(target)
        is_url = parts.scheme in ("https", "http") and bool(parts.hostname)
        if not is_url and not (parts.scheme == "mailto" and "@" in parts.path):
            raise SettingsError("ALERTS", "holds what is neither a URL nor mailto:<address>.", _EXAMPLE)
    return targets


def sender(targets: list[str], queue: TaskQueue) -> Send:
    """Sends to all targets.

    Args:
        targets: of `targets_of`.
        queue: takes mail as `email` tasks; they are sent when a worker lives.
    """
    urls = [target for target in targets if not target.startswith("mailto:")]
    boxes = [target.removeprefix("mailto:") for target in targets if target.startswith("mailto:")]

    async def send(text: str) -> None:
        import httpx  # only where alerts are on: it takes long to import

        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            for url in urls:
                try:
                    answer = await client.post(url, json={"text": text})
                except httpx.HTTPError as error:
                    raise OSError(f"{_host(url)} could not be reached: {type(error).__name__}") from None
                if answer.is_error:
                    raise OSError(f"{_host(url)} answered {answer.status_code}")
        if boxes:
            payload = {"to": boxes, "subject": text[:120], "body": text}
            await queue.submit([TaskSubmission(task_type="email", payload=payload, priority=10)])

    return send


def _host(url: str) -> str:
    """What may stand in a log: such a URL is a secret."""
    return urlsplit(url).hostname or "the address"
