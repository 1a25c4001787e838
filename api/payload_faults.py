"""From a JSON Schema validator's error to ours: the real field, its rule and the fix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from api.validation import path_of
from shared.errors import InvalidInput

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_MAX_RULE = 200
_SEE_SCHEMA = "GET /api/task-types shows the schema."
#: Keywords whose value completes a sentence.
_RULES = {
    "const": "must be {}.",
    "minimum": "must be at least {}.",
    "maximum": "must be at most {}.",
    "exclusiveMinimum": "must be greater than {}.",
    "exclusiveMaximum": "must be less than {}.",
    "multipleOf": "must be a multiple of {}.",
    "minLength": "must have {} or more characters.",
    "maxLength": "must have {} or fewer characters.",
    "minItems": "must have {} or more items.",
    "maxItems": "must have {} or fewer items.",
    "minProperties": "must have {} or more fields.",
    "maxProperties": "must have {} or fewer fields.",
    "pattern": "must match the pattern {}.",
}


def fault_of(first: ValidationError, where: str) -> InvalidInput:
    """One error as ours; `where` is put before the field's name, as in `tasks[3].`."""
    error = first
    while error.context:
        wrong_tag = _wrong_tag(error)
        if wrong_tag is not None:
            return _fault(error, where, *wrong_tag)
        below = _closest(error, error.context)
        if below is None:
            break
        error = below
    return _fault(error, where, *_words(error))


def _fault(error: ValidationError, where: str, below: str | None, rule: str, fix: str) -> InvalidInput:
    parts: list[str | int] = ["payload", *error.absolute_path]
    if below is not None:
        parts.append(below)
    return InvalidInput(f"{where}{path_of(parts)}", rule, fix)


def _tag(error: ValidationError) -> tuple[str, dict[str, Any]] | None:
    """The field by which alternatives tell themselves apart, and the alternative of each value."""
    schema: Any = error.schema
    discriminator = schema.get("discriminator") if isinstance(schema, dict) else None
    if error.validator != "oneOf" or not isinstance(discriminator, dict):
        return None
    name, mapping = discriminator.get("propertyName"), discriminator.get("mapping")
    instance: Any = error.instance
    if not isinstance(name, str) or not isinstance(mapping, dict) or not isinstance(instance, dict):
        return None
    return name, mapping


def _wrong_tag(error: ValidationError) -> tuple[str, str, str] | None:
    """Field, rule and fix when no alternative is meant, as the field that says which is wrong."""
    tag = _tag(error)
    if tag is None:
        return None
    name, mapping = tag
    known = _listed(list(mapping))
    instance: Any = error.instance
    if name not in instance:
        return name, "is missing.", f"Send one of {known}."
    value = instance[name]
    if not isinstance(value, str) or value not in mapping:
        return name, f"must be one of {known}.", "Send one of them."
    return None


def _closest(error: ValidationError, context: Sequence[ValidationError]) -> ValidationError | None:
    """Of all that alternatives complain about, what the client meant; None when that is not clear."""
    from jsonschema.exceptions import relevance

    tag = _tag(error)
    if tag is not None:
        name, mapping = tag
        instance: Any = error.instance
        branches: Any = error.validator_value
        meant = {"$ref": mapping[instance[name]]}
        indices = [i for i, branch in enumerate(branches) if branch == meant]
        in_branch = [one for one in context if one.schema_path[0] in indices]
        if in_branch:
            return in_branch[0]
    best = min(context, key=relevance)
    rivals = {one.schema_path[0] for one in context if relevance(one) == relevance(best)}
    return best if len(rivals) == 1 else None


def _words(error: ValidationError) -> tuple[str | None, str, str]:
    """Part of the path below the error's own, rule and fix."""
    keyword = str(error.validator)
    value: Any = error.validator_value
    instance: Any = error.instance
    below, rule, fix = None, f"breaks {keyword}: {_shown(value)}.", _SEE_SCHEMA
    kinds = _kinds(error)
    if keyword == "required":
        below = next(name for name in value if name not in instance)
        rule, fix = "is missing.", "Send it; the task type's schema requires it."
    elif keyword == "additionalProperties" and value is False:
        known = sorted(error.schema.get("properties", {})) if isinstance(error.schema, dict) else []
        below = next((name for name in sorted(instance) if name not in known), "")
        rule = "is not known to the task type."
        fix = f"Leave it out; fields here are {_listed(known)}." if known else "Leave it out."
    elif kinds:
        rule, fix = f"must be of type {' or '.join(kinds)}.", f"Send a value of type {' or '.join(kinds)}."
    elif keyword == "enum":
        rule, fix = f"must be one of {_listed(value)}.", "Send one of them."
    elif keyword in _RULES:
        rule = _RULES[keyword].format(_shown(value))
    if "propertyNames" in list(error.relative_schema_path)[-2:-1] and isinstance(instance, str):
        below, rule = instance, f"as a name {rule}"
    return below, rule, fix


def _kinds(error: ValidationError) -> list[str]:
    """The types that are allowed, when the type is all that is wrong, in every alternative."""
    kinds: list[str] = []
    for one in error.context or [error]:
        if one.validator != "type" or one.absolute_path != error.absolute_path:
            return []
        value: Any = one.validator_value
        kinds += [kind for kind in (value if isinstance(value, list) else [value]) if kind not in kinds]
    return kinds


def _listed(values: Sequence[Any]) -> str:
    return _cut(", ".join(value if isinstance(value, str) else json.dumps(value) for value in values))


def _shown(value: Any) -> str:
    return _cut(json.dumps(value))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_RULE else f"{text[:_MAX_RULE]}…"
