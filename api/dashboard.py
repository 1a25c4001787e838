"""The built dashboard beside the API, for a machine that has no other web server."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Dashboard:
    """What no route took: files, and the page itself for the paths that it routes in the browser.

    Args:
        folder: of the built files, with `index.html` and `assets/`.
        fallback: answers what is no page: `/api/…`, and missing files under `/assets/`.
    """

    def __init__(self, folder: Path, fallback: ASGIApp) -> None:
        self._files = StaticFiles(directory=folder, check_dir=False)
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and not _is_of_api(scope["path"]):
            response = await self._find(scope)
            if response is not None:
                response.headers["Content-Security-Policy"] = _POLICY
                await response(scope, receive, send)
                return
        await self._fallback(scope, receive, send)

    async def _find(self, scope: Scope) -> Response | None:
        path = scope["path"].strip("/")
        is_asset = path == "assets" or path.startswith("assets/")
        response = await self._read(path, scope) if path else None
        if response is not None:
            lifetime = "public, max-age=31536000, immutable" if is_asset else "no-cache"
            response.headers["Cache-Control"] = lifetime
            return response
        page = None if is_asset else await self._read("index.html", scope)
        if page is not None:
            page.headers["Cache-Control"] = "no-cache"
        return page

    async def _read(self, path: str, scope: Scope) -> Response | None:
        try:
            return await self._files.get_response(path, scope)
        except (HTTPException, ValueError):
            return None  # no such file, or no name that a file can have


def _is_of_api(path: str) -> bool:
    return path == "/api" or path.startswith("/api/")
