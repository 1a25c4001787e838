"""The entry point of Vercel and of ASGI servers: exactly one top-level `app`."""

from __future__ import annotations

from api.app import create_app

app = create_app()
