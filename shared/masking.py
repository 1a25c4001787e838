"""Secrets in payloads: where a task type's schema says they are, and how they are kept out of what is shown.

A field of type `SecretStr` is published as `{"type": "string", "format": "password", "writeOnly": true}`; either
of the two marks makes a place secret, with all that is below it. Alternatives (`anyOf`, `oneOf`) count together:
what is secret in one of them is secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from shared.errors import InvalidInput

#: What is shown instead, as pydantic does.
MASK = "**********"
#: Shorter values are masked in their own place only: in texts they would hide everything.
MIN_LENGTH = 4
#: A line of a secret with several is looked for by itself when it has so many characters.
_MIN_LINE = 8
#: A longer one is known by so many of its first or last characters, too: error texts abbreviate.
_MIN_CUT = 32
_KNOWN = 12

_Replace = Callable[[Any, tuple[str | int, ...]], Any]


class SecretPlaces:
    """Which places of a payload are secret.

    Args:
        schema: JSON Schema of the payload; whatever is no schema says nothing.
    """

    def __init__(self, schema: Any) -> None:
        self._root = schema
        self.is_any = any(map(_is_secret, _objects(schema)))

    def mask(self, payload: Any) -> Any:
        """The payload with its secrets replaced by `MASK`; null and the rest stay."""
        return self._replaced(payload, lambda value, _: value if value is None else MASK)

    def values(self, payload: Any) -> list[str]:
        """The secrets of a payload, as texts; those inside arrays and objects one by one."""
        found: list[str] = []

        def collect(value: Any, _: tuple[str | int, ...]) -> Any:
            found.extend(_leaves(value))
            return value

        self._replaced(payload, collect)
        return found

    def restore(self, payload: Any, stored: Any) -> Any:
        """A payload whose masks are the secrets of the stored one: what was shown masked may be sent back.

        Raises:
            InvalidInput: a mask stands where the stored payload has no secret.
        """

        def restored(value: Any, path: tuple[str | int, ...]) -> Any:
            if value != MASK:
                return value
            found = _at(stored, path)
            if found is None:
                place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
                raise InvalidInput(
                    f"payload{place}",
                    "holds the mask of a secret that is not stored there.",
                    "Send the secret.",
                )
            return found

        return self._replaced(payload, restored)

    def _replaced(self, payload: Any, replace: _Replace) -> Any:
        return self._walk(payload, [self._root], (), replace) if self.is_any else payload

    def _walk(self, value: Any, schemas: list[Any], path: tuple[str | int, ...], replace: _Replace) -> Any:
        known = self._expanded(schemas)
        if any(map(_is_secret, known)):
            return replace(value, path)
        if isinstance(value, dict):
            return {
                name: self._walk(item, _of_member(known, name), (*path, name), replace)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [
                self._walk(item, _of_item(known, index), (*path, index), replace)
                for index, item in enumerate(value)
            ]
        return value

    def _expanded(self, schemas: list[Any]) -> list[dict[str, Any]]:
        """All schemas that say something about one value: references and alternatives followed."""
        found: list[dict[str, Any]] = []
        waiting, seen = list(schemas), set()
        while waiting:
            schema = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in seen:
                continue
            seen.add(id(schema))
            found.append(schema)
            if isinstance(schema.get("$ref"), str):
                waiting.append(self._referred(schema["$ref"]))
            for keyword in ("anyOf", "oneOf", "allOf"):
                if isinstance(schema.get(keyword), list):
                    waiting += schema[keyword]
            waiting += [schema.get(keyword) for keyword in ("if", "then", "else")]
        return found

    def _referred(self, reference: str) -> Any:
        """What a reference into the schema itself leads to; None when nothing is there."""
        place: Any = self._root
        if not reference.startswith("#"):
            return None
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            place = place.get(name) if isinstance(place, dict) else None
        return place


def hiding(values: Iterable[str]) -> Callable[[str], str]:
    """A function that replaces secrets in texts, also as they look when quoted in Python, JSON or a URL."""
    forms = {form for value in values for form in _forms(value) if len(form) >= MIN_LENGTH}
    if not forms:
        return lambda text: text
    ordered = sorted(forms, key=len, reverse=True)
    cut = [piece for form in ordered if len(form) >= _MIN_CUT for piece in _cut_forms(form)]
    pattern = re.compile("|".join([*map(re.escape, ordered), *cut]))
    return lambda text: pattern.sub(MASK, text)


def hidden_in(value: Any, hide: Callable[[str], str]) -> Any:
    """JSON with the secrets in its texts, names and numbers replaced."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {hide(name): hidden_in(item, hide) for name, item in value.items()}
    if isinstance(value, list):
        return [hidden_in(item, hide) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return MASK if hide(str(value)) == MASK else value
    return value


def _forms(value: str) -> Iterator[str]:
    texts = [value, *(line for line in value.splitlines() if len(line) >= _MIN_LINE)]
    for text in texts:
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield repr(text)[1:-1]
        yield quote(text.encode("utf-8", "replace"), safe="")


def _cut_forms(form: str) -> tuple[str, str]:
    """A long secret as error texts abbreviate it: its beginning and what follows, or its end after dots."""
    rest = r"[^\s'\"]{0,64}"  # bounded: a text without blanks must not cost its length squared
    return re.escape(form[:_KNOWN]) + rest, r"(?:\.\.\.|…)" + rest + re.escape(form[-_KNOWN:])


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _leaves(item)]
    if isinstance(value, list):
        return [text for item in value for text in _leaves(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _is_secret(schema: dict[str, Any]) -> bool:
    return schema.get("writeOnly") is True or schema.get("format") == "password"


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON document."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _of_member(schemas: Sequence[dict[str, Any]], name: str) -> list[Any]:
    found: list[Any] = []
    for schema in schemas:
        named = schema.get("properties")
        if isinstance(named, dict) and name in named:
            found.append(named[name])
        patterns = schema.get("patternProperties")
        if isinstance(patterns, dict):
            # Which of them apply is not worth a regular expression of others: all do.
            found += patterns.values()
        if not isinstance(named, dict) or name not in named:
            found.append(schema.get("additionalProperties"))
    return found


def _of_item(schemas: Sequence[dict[str, Any]], index: int) -> list[Any]:
    found: list[Any] = []
    for schema in schemas:
        first = schema.get("prefixItems")
        if isinstance(first, list) and index < len(first):
            found.append(first[index])
        else:
            found.append(schema.get("items"))
    return found


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value
