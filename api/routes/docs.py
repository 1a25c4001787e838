"""`/docs` and `/openapi.json`, each also under `/api`."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from api.wire import to_json

router = APIRouter(include_in_schema=False)

_CDN = "https://cdn.jsdelivr.net"
_ASSETS = f"{_CDN}/npm/swagger-ui-dist@5"
_SCRIPT = """
if (window.SwaggerUIBundle) {
  SwaggerUIBundle({url: "/api/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: false});
} else {
  document.getElementById("no-viewer").hidden = false;
}
"""
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dtq API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{_ASSETS}/swagger-ui.css">
</head>
<body>
<noscript>The machine-readable description is at <a href="/api/openapi.json">/api/openapi.json</a>.</noscript>
<p id="no-viewer" hidden>The viewer did not load: this browser does not reach {_CDN}.
The machine-readable description is at <a href="/api/openapi.json">/api/openapi.json</a>.</p>
<div id="docs"></div>
<script src="{_ASSETS}/swagger-ui-bundle.js"></script>
<script>{_SCRIPT}</script>
</body>
</html>
"""


@cache
def _policy() -> str:
    """The page's own rules: scripts of the CDN and the one inline script, by its hash."""
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_CDN} 'sha256-{digest}'",
            f"style-src {_CDN} 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


@router.get("/docs")
@router.get("/api/docs")
async def read_docs() -> Response:
    """A page that lists and tries the routes; it needs the network of the browser."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _policy(), "Cache-Control": "no-cache"})


@router.get("/openapi.json")
@router.get("/api/openapi.json")
async def read_openapi(request: Request) -> Response:
    """The OpenAPI document; made at its first request."""
    content = to_json(request.app.openapi())
    return Response(content, headers={"Cache-Control": "no-cache"}, media_type="application/json")
