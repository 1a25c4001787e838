"""JSON Schema to TypeScript types: what an editor and `tsc` can check of a payload.

Numbers' bounds, patterns and lengths have no type; the API checks them. What is not understood
becomes `unknown`, which accepts everything: a type never refuses what the API takes, except fields
that the schema does not name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_MAX_DEPTH = 40


def pascal(text: str) -> str:
    """`invoice.send-all` as `InvoiceSendAll`; a type's name."""
    name = "".join(part[0].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", text) if part)
    return name if name[:1].isalpha() else f"T{name}"


def comment(text: str, indent: str = "") -> str:
    """A doc comment in a line of its own; nothing in it can end it early."""
    words = " ".join(text.split()).replace("*/", "*\u200b/")
    return f"{indent}/** {words} */\n" if words else ""


def property_name(name: str) -> str:
    """A name as it may stand before a colon."""
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name)


class SchemaTypes:
    """The types of one schema.

    Args:
        schema: of a task type's payload.
        name: of the payload's own type; those of its `$defs` begin with it, too.
    """

    def __init__(self, schema: Mapping[str, Any], name: str) -> None:
        self._schema = schema
        self._name = name
        definitions = schema.get("$defs")
        self._definitions: Mapping[str, Any] = definitions if isinstance(definitions, Mapping) else {}
        self._names = self._named()

    def declarations(self) -> str:
        """`type` statements: the payload's own first, then those that it refers to."""
        lines = [f"export type {self._name} = {self._type(self._schema, '', 0)};\n"]
        for key, name in self._names.items():
            schema = self._definitions[key]
            described = schema.get("description", "") if isinstance(schema, Mapping) else ""
            lines.append(f"{comment(str(described))}type {name} = {self._type(schema, '', 0)};\n")
        return "".join(lines)

    def _named(self) -> dict[str, str]:
        taken = {self._name}
        names: dict[str, str] = {}
        for key in self._definitions:
            name = f"{self._name.removesuffix('Payload')}{pascal(key)}"
            while name in taken:
                name += "_"
            taken.add(name)
            names[key] = name
        return names

    def _type(self, schema: Any, indent: str, depth: int) -> str:
        if schema is False:
            return "never"
        if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
            return "unknown"
        if "$ref" in schema:
            key = str(schema["$ref"]).removeprefix("#/$defs/")
            return self._names.get(key, "unknown")
        if "const" in schema:
            return json.dumps(schema["const"])
        if isinstance(schema.get("enum"), list):
            return _union(json.dumps(value) for value in schema["enum"])
        for word, join in (("anyOf", _union), ("oneOf", _union), ("allOf", _intersection)):
            if isinstance(schema.get(word), list) and schema[word]:
                return join(self._type(one, indent, depth + 1) for one in schema[word])
        kinds = schema.get("type", "object" if "properties" in schema else None)
        kinds = kinds if isinstance(kinds, list) else [kinds]
        return _union(self._of_kind(kind, schema, indent, depth) for kind in kinds)

    def _of_kind(self, kind: Any, schema: Mapping[str, Any], indent: str, depth: int) -> str:
        if kind == "array":
            return self._array(schema, indent, depth)
        if kind == "object":
            return self._object(schema, indent, depth)
        return _PLAIN.get(kind, "unknown")

    def _array(self, schema: Mapping[str, Any], indent: str, depth: int) -> str:
        rest = self._type(schema.get("items", True), indent, depth + 1)
        first = schema.get("prefixItems")
        if not isinstance(first, list):
            return f"Array<{rest}>"
        members = [self._type(one, indent, depth + 1) for one in first]
        if schema.get("items") is not False and schema.get("maxItems") != len(first):
            members.append(f"...Array<{rest}>")
        return f"[{', '.join(members)}]"

    def _object(self, schema: Mapping[str, Any], indent: str, depth: int) -> str:
        fields = schema.get("properties")
        others = schema.get("additionalProperties")
        if not isinstance(fields, Mapping) or not fields:
            if others is False:
                return "Record<string, never>"
            return f"Record<string, {self._type(others if others is not None else True, indent, depth + 1)}>"
        required = schema.get("required", [])
        inner = indent + "  "
        lines = []
        for name, field in fields.items():
            described = field.get("description", "") if isinstance(field, Mapping) else ""
            mark = "" if name in required else "?"
            value = self._type(field, inner, depth + 1)
            lines.append(f"{comment(str(described), inner)}{inner}{property_name(name)}{mark}: {value};\n")
        text = f"{{\n{''.join(lines)}{indent}}}"
        return f"{text} & Record<string, unknown>" if others not in (None, False) else text


def _union(types: Iterable[str]) -> str:
    chosen = list(dict.fromkeys(types))
    if "unknown" in chosen or not chosen:
        return "unknown"
    if len(chosen) == 1:
        return chosen[0]
    return " | ".join(f"({one})" if " & " in one else one for one in chosen)


def _intersection(types: Iterable[str]) -> str:
    chosen = [one for one in dict.fromkeys(types) if one != "unknown"]
    if len(chosen) == 1:
        return chosen[0]
    return " & ".join(f"({one})" if " | " in one else one for one in chosen) or "unknown"
