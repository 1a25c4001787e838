"""A payload against the JSON Schema that its task type was published with."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from api.validation import path_of
from shared.errors import InvalidInput

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_log = logging.getLogger(__name__)
_MAX_RULE = 200


class PayloadSchema:
    """One published schema; compiled at first use, as the library costs the cold start 80 ms.

    Args:
        task_type: whose schema it is.
        schema: as published; JSON Schema 2020-12 unless it says otherwise.
    """

    def __init__(self, task_type: str, schema: dict[str, Any]) -> None:
        self._task_type = task_type
        self._schema = schema
        self._validator: Validator | None = None
        self._is_usable = True

    def fault(self, payload: dict[str, Any], where: str) -> InvalidInput | None:
        """Where the payload breaks the schema; None when it fits or the schema is unusable."""
        if not self._is_usable:
            return None
        if self._validator is None:
            try:
                self._validator = _compile(self._schema)
            except Exception as error:
                self._is_usable = False
                self._log_unusable(error)
                return None
        try:
            # The first one only: a payload may break a rule in each of 100,000 items.
            first = next(self._validator.iter_errors(payload), None)
        except Exception as error:
            self._log_unusable(error)
            return None
        return _fault_of(first, where) if first is not None else None

    def _log_unusable(self, error: Exception) -> None:
        """Whatever a worker published is no fault of the client: the worker validates once more."""
        _log.warning("schema of %s cannot judge a payload: %s", self._task_type, type(error).__name__)


def _compile(schema: dict[str, Any]) -> Validator:
    """A validator that fetches nothing: references lead into the schema itself."""
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    kind.check_schema(schema)
    validator: Validator = kind(schema, registry=Registry())
    return validator


def _fault_of(first: ValidationError, where: str) -> InvalidInput:
    from jsonschema.exceptions import best_match

    # Of alternatives that all failed, the closest one says what is wrong.
    error = best_match([first])
    parts: list[str | int] = ["payload", *error.absolute_path]
    keyword, value = str(error.validator), error.validator_value
    if keyword == "required":
        parts.append(next(name for name in value if name not in error.instance))
        rule, fix = "is missing.", "Send it; the task type's schema requires it."
    elif keyword == "additionalProperties" and value is False:
        parts.append(_stranger(error))
        rule, fix = "is not known to the task type.", "Leave it out."
    elif keyword == "type":
        kinds = " or ".join(value) if isinstance(value, list) else str(value)
        rule, fix = f"must be of type {kinds}.", f"Send a value of type {kinds}."
    else:
        text = json.dumps(value)
        shown = text if len(text) <= _MAX_RULE else f"{text[:_MAX_RULE]}…"
        rule = f"breaks {keyword}: {shown}."
        fix = "GET /api/task-types shows the schema."
    return InvalidInput(f"{where}{path_of(parts)}", rule, fix)


def _stranger(error: ValidationError) -> str:
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    instance: Any = error.instance
    return next((name for name in sorted(instance) if name not in known), "")
