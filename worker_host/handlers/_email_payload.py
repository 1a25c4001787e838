"""The payload of `email`: what may be said about a message, and the rules that keep it one message."""

from __future__ import annotations

import re
from email.headerregistry import Address, HeaderRegistry
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, field_validator

from worker_host.handlers._base import Base64, Payload

CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
LOCAL = re.compile(r"[^\s\x00-\x1f\x7f()<>\[\]:;@\\,\"]{1,64}")
DOMAIN = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(\.(?!-)[\w-]{1,63}(?<!-))*", re.UNICODE)
#: Headers a submitter may set. All others say who wrote, when, to whom and in which encoding: ours.
FREE_HEADER = re.compile(
    r"(X-[A-Za-z0-9-]{1,60}|List-(Id|Help|Unsubscribe|Unsubscribe-Post|Archive|Post|Owner|Subscribe)"
    r"|In-Reply-To|References|Auto-Submitted|Precedence|Importance|Priority|Feedback-ID)",
    re.IGNORECASE,
)


def parse_address(text: str) -> Address:
    """One address, with or without a name: `ann@example.com`, `Ann <ann@example.com>`.

    The domain is returned in ASCII: `bücher.example` becomes `xn--bcher-kva.example`.

    Raises:
        ValueError: not exactly one address, or one that no mail server takes.
    """
    _one_line(text)
    addresses: tuple[Address, ...] = getattr(HeaderRegistry()("to", text), "addresses")  # noqa: B009 - typeshed lacks it
    if len(addresses) != 1:
        raise ValueError(f"{text!r} is not one address; several are a list of strings")
    found = addresses[0]
    # The parser forgives a lot: it would take b@exa from "b@exa mple.com".
    stands_alone = text.strip() == found.addr_spec or text.strip().endswith(f"<{found.addr_spec}>")
    is_sound = LOCAL.fullmatch(found.username) and DOMAIN.fullmatch(found.domain)
    if not (stands_alone and is_sound) or len(found.addr_spec) > 254:
        raise ValueError(f"{text!r} is not an address; write name@example.com or Name <name@example.com>")
    domain = found.domain if found.domain.isascii() else found.domain.encode("idna").decode("ascii")
    return Address(found.display_name, found.username, domain)


def _one_line(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("contains a line break or control character; a header is one line of text")
    return text


def _address(text: str) -> str:
    parse_address(text)
    return text


OneLine = Annotated[str, AfterValidator(_one_line)]
AddressText = Annotated[str, Field(min_length=3, max_length=320), AfterValidator(_address)]
Addresses = AddressText | Annotated[list[AddressText], Field(max_length=100)]


class Attachment(Payload):
    """A file sent along with the message."""

    filename: Annotated[
        OneLine,
        Field(min_length=1, max_length=255, pattern=r"^[^/\\]+$", description="Name shown to the reader."),
    ]
    content: Annotated[Base64, Field(description="The file, as base64.")]
    content_type: Annotated[
        str,
        Field(
            pattern=r"^(application|audio|chemical|font|image|model|text|video)/[A-Za-z0-9!#$&^_.+-]{1,100}$",
            description="Media type without parameters.",
        ),
    ] = "application/octet-stream"


class EmailPayload(Payload):
    """One message; `to` and `subject` are enough."""

    model_config = ConfigDict(serialize_by_alias=True)

    to: Annotated[
        Addresses, Field(description="One address or a list; `Name <name@example.com>` is allowed.")
    ]
    subject: Annotated[OneLine, Field(max_length=900, description="Subject line.")]
    text: Annotated[str, Field(description="Body as plain text.")] = ""
    html: Annotated[
        str | None, Field(description="Body as HTML, shown instead of `text` where possible.")
    ] = None
    cc: Annotated[Addresses, Field(description="Recipients that all others see.")] = Field(
        default_factory=list
    )
    bcc: Annotated[Addresses, Field(description="Recipients that nobody sees.")] = Field(default_factory=list)
    reply_to: Annotated[AddressText | None, Field(description="Where answers go.")] = None
    sender: Annotated[
        AddressText | None, Field(alias="from", description="Sender; SMTP_FROM of the worker when not given.")
    ] = None
    attachments: Annotated[list[Attachment], Field(max_length=20, description="Files sent along.")] = Field(
        default_factory=list
    )
    headers: Annotated[
        dict[str, Annotated[OneLine, Field(max_length=900)]],
        Field(
            max_length=20,
            description="Further headers: X-…, List-…, In-Reply-To, References, Auto-Submitted, …",
        ),
    ] = Field(default_factory=dict)

    @field_validator("to")
    @classmethod
    def _somebody(cls, to: str | list[str]) -> str | list[str]:
        if not to:
            raise ValueError("names nobody; give at least one address")
        return to

    @field_validator("headers")
    @classmethod
    def _only_free_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if not FREE_HEADER.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot be set here; use the payload's own field or a name with X-"
                )
        lowered = [name.lower() for name in headers]
        if len(set(lowered)) < len(lowered):
            raise ValueError("names a header twice; header names do not differ by case")
        return headers

    def recipients(self) -> list[str]:
        """Bare addresses of to, cc and bcc, each once, in order."""
        groups = (as_list(self.to), as_list(self.cc), as_list(self.bcc))
        return list(dict.fromkeys(parse_address(text).addr_spec for group in groups for text in group))


def as_list(addresses: str | list[str]) -> list[str]:
    """One address or several, as a list."""
    return [addresses] if isinstance(addresses, str) else addresses
