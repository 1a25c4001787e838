"""The SMTP client. Imported only when a message is sent, because it needs aiosmtplib at import."""

from __future__ import annotations

from collections.abc import Callable

import aiosmtplib


class SmtpClient(aiosmtplib.SMTP):
    """Frees its socket at once.

    A graceful close of TLS waits up to 30 s for the other side's farewell, long after QUIT was
    answered; a server that never says it would cost one socket per message meanwhile.
    """

    def close(self) -> None:
        """Close the connection."""
        transport = self.transport
        super().close()
        # By name: uvloop's TLS transport has the method and no base class that says so.
        abort: Callable[[], None] | None = getattr(transport, "abort", None)
        if abort:
            abort()
