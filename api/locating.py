"""Where in a JSON document a fault stands, for the few faults that a parser tells without their place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from api.validation import path_of

_MAX_PATH = 200


class _Members(list[tuple[str, Any]]):
    """An object's members as written, the same key twice included."""


class _LongInteger:
    """An integer of more digits than Python reads."""


def _integer(text: str) -> int | _LongInteger:
    return int(text) if len(text) <= 4300 else _LongInteger()


def place_of(raw: bytes, is_fault: Callable[[Any], str | bool]) -> str:
    """The path of the first value for which `is_fault` says True, or the name to add to the path.

    `raw` parsed up to the fault; what comes behind it may be no JSON at all, and then the place is the
    body. Objects are given as `_Members`.
    """
    try:
        document = json.loads(raw, object_pairs_hook=_Members, parse_int=_integer)
    except (ValueError, RecursionError):
        return "body"
    stack: list[tuple[Any, tuple[str | int, ...]]] = [(document, ())]
    while stack:
        value, path = stack.pop()
        found = is_fault(value)
        if found:
            return path_of([*path, found] if isinstance(found, str) else path)[:_MAX_PATH] or "body"
        if isinstance(value, _Members):
            stack += [(item, (*path, name)) for name, item in reversed(value)]
        elif isinstance(value, list):
            stack += [(item, (*path, index)) for index, item in reversed(list(enumerate(value)))]
    return "body"


def is_long_integer(value: Any) -> bool:
    """Whether a value is an integer that cannot be read."""
    return isinstance(value, _LongInteger)


def key_that_stands_twice(value: Any) -> str | bool:
    """The first key that an object has twice."""
    if not isinstance(value, _Members):
        return False
    seen: set[str] = set()
    for name, _ in value:
        if name in seen:
            return name[:80].encode("utf-8", "replace").decode()
        seen.add(name)
    return False


def no_text(value: Any) -> str | bool:
    """Whether a value is a text with a lone surrogate, or an object with such a key."""
    if isinstance(value, _Members):
        bad = next((name for name, _ in value if not _is_text(name)), None)
        return bad[:80].encode("utf-8", "replace").decode() if bad is not None else False
    return isinstance(value, str) and not _is_text(value)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
