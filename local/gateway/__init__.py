"""A gateway that speaks Upstash's REST protocol in front of any Redis or Valkey.

Programs written for Upstash (its Python and JavaScript SDKs, curl) run against it unchanged. It knows nothing
of the task queue: commands come in as JSON, go out as RESP, and replies travel back the same way.

    python -m local.gateway --port 8079 --redis-url redis://127.0.0.1:6379 --token secret
"""

from local.gateway.app import Gateway, create_gateway
from local.gateway.serving import GatewayServer, serve

__all__ = ["Gateway", "GatewayServer", "create_gateway", "serve"]
