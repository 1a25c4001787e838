"""Links to other pages (RFC 8288), relative to the request."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from fastapi import Request


def page_links(request: Request, next_cursor: str | None) -> dict[str, str]:
    """The `Link` header of a page: first, and next while there is one."""
    query = [(name, value) for name, value in parse_qsl(request.url.query) if name != "cursor"]
    links = [f'<{_target(request, query)}>; rel="first"']
    if next_cursor is not None:
        links.append(f'<{_target(request, [*query, ("cursor", next_cursor)])}>; rel="next"')
    return {"Link": ", ".join(links)}


def _target(request: Request, query: list[tuple[str, str]]) -> str:
    path = request.url.path
    return f"{path}?{urlencode(query)}" if query else path
