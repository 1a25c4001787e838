"""Two ways to Redis behind one protocol; only this package imports a Redis client, and lazily."""

from __future__ import annotations

from shared.settings import RestTarget, TcpTarget
from shared.transports.base import Transport


def open_transport(target: RestTarget | TcpTarget) -> Transport:
    """The transport for a target; the other one's client library is not imported."""
    if isinstance(target, RestTarget):
        from shared.transports.rest import RestTransport

        return RestTransport(target)
    from shared.transports.tcp import TcpTransport

    return TcpTransport(target)
