"""What the built-in handlers share: the base of their payloads, and the context they read."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict

#: Bound of what a handler puts inline into its result, bytes of text; more belongs into storage.
MAX_INLINE = 200 * 1024


class Payload(BaseModel):
    """Base of payload models: an unknown field is an error, not a silent no-op."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskContext(Protocol):
    """What these handlers want to know of the task they serve."""

    @property
    def task_id(self) -> str:
        """Id of the task; the same in every attempt."""


def _is_base64(text: str) -> str:
    decode(text)
    return text


def decode(text: str) -> bytes:
    """Bytes of standard base64; line breaks are allowed.

    Raises:
        ValueError: the text is no base64.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is not valid base64 ({error}); use the standard alphabet with padding") from None


Base64 = Annotated[str, AfterValidator(_is_base64)]
