"""A payload against the JSON Schema that its task type was published with."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from api.payload_faults import fault_of

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

    from shared.errors import InvalidInput

_log = logging.getLogger(__name__)


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
        return fault_of(first, where) if first is not None else None

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
