"""The gateway behind uvicorn."""

import contextlib
import socket

import uvicorn

from local.gateway.app import Gateway

#: Seconds that an idle HTTP connection stays open: longer than any client keeps one, so that the client is always the
#: one to close it and never sends into a closing connection.
_KEEP_ALIVE_S = 620

#: Bytes of request line and headers accepted; arguments may travel in the path.
_MAX_HEAD_BYTES = 1024 * 1024


class GatewayServer(uvicorn.Server):
    """A uvicorn server that ends the event streams before it waits for open requests."""

    def __init__(self, gateway: Gateway) -> None:
        config = uvicorn.Config(
            gateway,
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        )
        super().__init__(config)
        self._gateway = gateway

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: streams first, then what is still under way."""
        self._gateway.close_streams()
        await super().shutdown(sockets)


def serve(gateway: Gateway, listener: socket.socket) -> None:
    """Serve until a signal asks to stop.

    Args:
        gateway: What answers.
        listener: A bound socket; making it first tells the caller the port, and that it is free.
    """
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it once more after an orderly stop
        GatewayServer(gateway).run(sockets=[listener])
