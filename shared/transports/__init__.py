"""Two ways to Redis behind one protocol; only this package imports a Redis client, and lazily."""

from __future__ import annotations

from shared.settings import RestTarget, TcpTarget
from shared.transports.base import Transport


def open_transport(target: RestTarget | TcpTarget) -> Transport:
    """The transport for a target; the other one's client library is not imported."""
    if isinstance(target, RestTarget):
        from shared.transports.rest import RestTransport

        return RestTransport(target)
    return open_tcp(target)


def open_tcp(target: TcpTarget, *, attempts: int = 2, socket_timeout_s: float = 2.0) -> Transport:
    """The transport to one Redis, or to a cluster of them."""
    if target.is_cluster:
        from shared.transports.cluster import ClusterTransport

        return ClusterTransport(target, attempts=attempts, socket_timeout_s=socket_timeout_s)
    from shared.transports.tcp import TcpTransport

    return TcpTransport(target, attempts=attempts, socket_timeout_s=socket_timeout_s)
