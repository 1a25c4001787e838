"""The typed TypeScript producer: one file, made from the schemas that workers publish."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from shared.models import RESERVED_TYPES, TaskType
from shared.typescript.types import SchemaTypes, comment, pascal, property_name

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
#: What every producer has itself: a task type with such a part keeps its whole name as one.
_TAKEN = frozenset({"submit", "of"})

Tree = dict[str, Any]


def generate(types: Iterable[TaskType]) -> str:
    """The text of the client; the same types give the same text, whatever their order."""
    chosen = sorted((kind for kind in types if kind.name not in RESERVED_TYPES), key=lambda kind: kind.name)
    names = _type_names(chosen)
    tree: Tree = {}
    for kind in chosen:
        _leaf(tree, _path(kind.name))[""] = kind
    entries = ",\n  ".join(json.dumps(_entry(kind.name)) for kind in chosen)
    payloads = "\n".join(SchemaTypes(kind.json_schema, names[kind.name]).declarations() for kind in chosen)
    listed = f"[\n  {entries},\n]" if entries else "[]"
    return "\n".join(
        (
            _before_client(),
            f"/** The registered task types. */\nexport interface Tasks {_members(tree, names, '')}\n",
            f"const TYPES: readonly (readonly string[])[] = {listed};\n",
            _client(),
            payloads,
        )
    )


def _type_names(types: list[TaskType]) -> dict[str, str]:
    names: dict[str, str] = {}
    for kind in types:
        name = f"{pascal(kind.name)}Payload"
        while name in names.values():
            name = f"{name.removesuffix('Payload')}_Payload"
        names[kind.name] = name
    return names


def _path(name: str) -> list[str]:
    """Where a type stands: `invoice.send` under `invoice`; a name that could not be taken apart safely, whole."""
    segments = name.split(".")
    is_safe = all(_SEGMENT.fullmatch(part) for part in segments) and _TAKEN.isdisjoint(segments)
    return segments if is_safe else [name]


def _entry(name: str) -> list[str]:
    path = _path(name)
    return [name] if path == [name] else [name, *path]


def _leaf(tree: Tree, path: list[str]) -> Tree:
    for segment in path:
        tree = tree.setdefault(segment, {})
    return tree


def _members(tree: Tree, names: dict[str, str], indent: str) -> str:
    inner = indent + "  "
    lines = []
    for name, child in tree.items():
        kind = child.get("")
        below = {key: value for key, value in child.items() if key}
        parts = [f"Producer<{names[kind.name]}>"] if kind else []
        if below:
            parts.append(_members(below, names, inner))
        described = kind.description.split("\n\n")[0] if kind else ""
        lines.append(f"{comment(described, inner)}{inner}{property_name(name)}: {' & '.join(parts)};\n")
    return f"{{\n{''.join(lines)}{indent}}}"


@cache
def _runtime() -> tuple[str, str]:
    text = (Path(__file__).parent / "runtime.ts").read_text(encoding="utf-8")
    mark = "/** Everything, for one API"
    before, _, client = text.partition(mark)
    return before, mark + client


def _before_client() -> str:
    return _runtime()[0]


def _client() -> str:
    return _runtime()[1]
