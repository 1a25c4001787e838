"""Vercel's routing, as far as `vercel.json` uses it: files first, then the rewrites in order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

NOT_FOUND = "404"


def to_pattern(source: str) -> re.Pattern[str]:
    """A `source` of unnamed groups as the expression that the platform makes of it.

    Raises:
        ValueError: the source names a group, which would add a query parameter to every request.
    """
    if re.search(r":\w", re.sub(r"\(\?[:=!]", "", source)):
        raise ValueError(f"{source!r} names a group")
    escaped = re.sub(r"(?<!\\)\.(?![*+?])", r"\\.", source)
    return re.compile(f"^{escaped}$")


def rewrite(path: str, rewrites: Iterable[Mapping[str, Any]], files: Collection[str]) -> str:
    """Where a request for `path` ends: a file, a function, or `NOT_FOUND`."""
    if path in files:
        return path
    if path == "/":
        return "/index.html"
    for rule in rewrites:
        if to_pattern(rule["source"]).fullmatch(path):
            return str(rule["destination"])
    return NOT_FOUND


def route(
    path: str, routes: Iterable[Mapping[str, Any]], files: Collection[str]
) -> tuple[str, dict[str, str]]:
    """Where a request for `path` ends by a built `config.json`, and the headers that it gets on the way."""
    headers: dict[str, str] = {}
    phase = "start"
    for rule in routes:
        if "handle" in rule:
            phase = rule["handle"]
            found = "/index.html" if path == "/" else path
            if phase == "filesystem" and found in files:
                return found, headers
            if phase in ("error", "miss"):
                break
            continue
        if not re.search(rule["src"], path):
            continue
        headers |= rule.get("headers", {})
        if not rule.get("continue"):
            return str(rule.get("dest") or rule["status"]), headers
    return NOT_FOUND, headers
