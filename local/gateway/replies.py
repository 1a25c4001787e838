"""From replies of Redis to the JSON that Upstash answers."""

import hiredis
import msgspec

from local.gateway.redis_link import Reply

_encoder = msgspec.json.Encoder(enc_hook=lambda error: str(error).encode())
_text_encoder = msgspec.json.Encoder(enc_hook=str)


def outcome(reply: Reply) -> dict[str, Reply]:
    """Wrap one reply as `{"result": …}` or `{"error": …}`.

    OK stays plain at the top, as in Upstash, and only there: inside arrays the JavaScript SDK decodes it like any
    string.
    """
    if isinstance(reply, hiredis.ReplyError):
        return {"error": str(reply)}
    return {"result": "OK" if reply == b"OK" else reply}


def error(text: str) -> dict[str, Reply]:
    """Wrap the text of an error."""
    return {"error": text}


def encode(answer: Reply, *, base64: bool) -> bytes:
    """Encode an answer as JSON.

    msgspec writes `bytes` as base64, so replies taken as bytes come out in Upstash's encoding by themselves. An error
    inside an array (a script may return one) is written as its text.
    """
    return (_encoder if base64 else _text_encoder).encode(answer)
