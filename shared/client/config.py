"""Where the API is, and the key for it."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from shared.errors import SettingsError

_EXAMPLE = "https://my-app.vercel.app"


def base_url(url: str | None) -> str:
    """The address without `/api`, as given or from DTQ_URL.

    Raises:
        SettingsError: it is missing or no http(s) URL.
    """
    text = (url or os.environ.get("DTQ_URL") or "").strip().rstrip("/").removesuffix("/api")
    if not text:
        raise SettingsError("DTQ_URL", "is missing; it is the address of the API.", _EXAMPLE)
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise SettingsError("DTQ_URL", "is no http or https URL with a host.", _EXAMPLE)
    return text


def headers(key: str | None) -> dict[str, str]:
    """What every request carries; the key as given or from DTQ_API_KEY.

    Raises:
        SettingsError: the key is no single line of ASCII.
    """
    text = (key or os.environ.get("DTQ_API_KEY") or "").strip()
    if not text.isascii() or not text.isprintable():
        raise SettingsError("DTQ_API_KEY", "must be one line of ASCII.", "as printed by `python -m api.keys`")
    named = {"User-Agent": "dtq-client", "Accept": "application/json"}
    return {**named, "Authorization": f"Bearer {text}"} if text else named
