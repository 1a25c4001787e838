"""Errors of the gateway; each one knows the HTTP status and the text a client sees.

GatewayError
├── RequestRefused     the request is wrong; nothing was sent to Redis
└── RedisUnavailable   Redis gave no answer
    ├── RedisUnreachable   no connection; the command was not sent
    ├── RedisLost          the connection broke; the command may have run
    └── RedisSilent        no answer in time; the command may have run
"""


class GatewayError(Exception):
    """Base of everything that the gateway answers with an error body."""

    status = 400

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        if status is not None:
            self.status = status


class RequestRefused(GatewayError):
    """Raised when a request is malformed, unauthorized or asks for what Upstash does not offer."""


class RedisUnavailable(GatewayError):
    """Raised when Redis gave no answer; retrying is the caller's decision, never the gateway's."""

    status = 503


class RedisUnreachable(RedisUnavailable):
    """Raised when no connection could be made: the command was not sent."""


class RedisLost(RedisUnavailable):
    """Raised when the connection broke while waiting: the command may have run."""

    status = 502


class RedisSilent(RedisUnavailable):
    """Raised when no answer came in time: the command may have run, or may still run."""

    status = 504


class ClientGone(Exception):
    """Raised when the HTTP client left before its request was complete: there is nobody to answer."""
