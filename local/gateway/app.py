"""The ASGI application: who may ask, what is asked, what is answered."""

import hmac
import itertools
import secrets
from collections.abc import Sequence

import hiredis

from local.gateway import replies, rules
from local.gateway.errors import ClientGone, GatewayError, RequestRefused
from local.gateway.pool import RedisPool
from local.gateway.redis_link import Reply
from local.gateway.requests import (
    Options,
    Receive,
    Scope,
    Send,
    bearer_token,
    command_from_json,
    command_from_path,
    commands_from_json,
    path_segments,
    query_pairs,
    read_body,
)
from local.gateway.rules import Command
from local.gateway.sse import EventStreams
from local.gateway.target import RedisTarget

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT"})
_STREAMS = {b"subscribe": "SUBSCRIBE", b"psubscribe": "PSUBSCRIBE", b"monitor": "MONITOR"}
_JSON = b"application/json"
_BINARY = b"application/octet-stream"


def create_gateway(
    redis_url: str,
    token: str,
    *,
    read_only_token: str | None = None,
    timeout_s: float = 4.5,
    max_connections: int = 64,
) -> "Gateway":
    """Make a gateway in front of one Redis.

    Args:
        redis_url: `redis[s]://[user][:password]@host[:port][/db]`.
        token: What clients must present; it opens every command.
        read_only_token: A second token that opens reads alone.
        timeout_s: Seconds after which a request that Redis does not answer fails.
        max_connections: Connections to Redis at most, event streams not counted.

    Raises:
        ValueError: When the URL is malformed or a token is empty.
    """
    if not token or read_only_token == "":
        raise ValueError("the gateway's token must not be empty")
    pool = RedisPool(RedisTarget.from_url(redis_url), size=max_connections, timeout_s=timeout_s)
    return Gateway(pool, token.encode(), read_only_token.encode() if read_only_token else None)


class Gateway:
    """Upstash's REST protocol as an ASGI application; made by `create_gateway`."""

    def __init__(self, pool: RedisPool, token: bytes, read_only_token: bytes | None) -> None:
        self._pool = pool
        self._streams = EventStreams(pool)
        self._token = token
        self._read_only_token = read_only_token
        self._epoch = secrets.token_urlsafe(6)
        self._writes = itertools.count(1)
        self._sync_token = self._next_sync_token()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']}: the gateway speaks HTTP alone")
        try:
            await self._serve(scope, receive, send)
        except GatewayError as error:
            await self._answer(send, error.status, replies.encode(replies.error(error.text), base64=False))
        except ClientGone:
            return

    def close_streams(self) -> None:
        """End all event streams; a server that stops would otherwise wait for them."""
        self._streams.close()

    async def close(self) -> None:
        """Let go of every connection to Redis."""
        self.close_streams()
        await self._pool.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in _METHODS:
            raise RequestRefused("ERR method not allowed: use GET, HEAD, POST or PUT", status=405)
        headers = dict(scope["headers"])
        query = query_pairs(scope["query_string"])
        read_only = self._authorize(bearer_token(headers, query))
        segments = path_segments(scope)
        route = segments[0].lower() if segments else b""
        if route in _STREAMS:
            await self._stream([_STREAMS[route], *segments[1:]], read_only, receive, send)
            return
        options = Options.from_headers(headers)
        body = await read_body(receive)
        if segments in ([b"pipeline"], [b"multi-exec"]):
            await self._run_many(route, commands_from_json(body), options, read_only, send)
        else:
            command = command_from_path(segments, body, query) if segments else command_from_json(body)
            await self._run_one(command, options, read_only, send)

    def _authorize(self, token: bytes) -> bool:
        """Return whether the token is the read-only one.

        Raises:
            RequestRefused: When it is neither.
        """
        is_full = hmac.compare_digest(token, self._token)
        is_read_only = self._read_only_token is not None and hmac.compare_digest(token, self._read_only_token)
        if not is_full and not is_read_only:
            raise RequestRefused("WRONGPASS invalid or missing auth token", status=401)
        return not is_full

    async def _stream(self, command: Command, read_only: bool, receive: Receive, send: Send) -> None:
        if read_only and command[0] == "MONITOR":
            raise RequestRefused(
                "NOPERM this user has no permissions to run the 'monitor' command or its subcommand"
            )
        await self._streams.run(command, receive, send, [(b"upstash-sync-token", self._sync_token)])

    async def _run_one(self, command: Command, options: Options, read_only: bool, send: Send) -> None:
        rules.check(command, read_only=read_only)
        if options.resp2:
            raw = await self._pool.run_raw(command)
            self._note_writes([command])
            await self._answer(send, 400 if raw.startswith(b"-") else 200, raw, _BINARY)
            return
        [reply] = await self._pool.run([command], decode=not options.base64)
        self._note_writes([command])
        status = 400 if isinstance(reply, hiredis.ReplyError) else 200
        await self._answer(send, status, replies.encode(replies.outcome(reply), base64=options.base64))

    async def _run_many(
        self, route: bytes, commands: Sequence[Command], options: Options, read_only: bool, send: Send
    ) -> None:
        if route == b"multi-exec":
            answer = await self._transaction(commands, options, read_only)
        elif options.resp2:
            await self._answer(send, 200, await self._raw_pipeline(commands, read_only), _BINARY)
            return
        else:
            answer = await self._pipeline(commands, options, read_only)
        status = 400 if isinstance(answer, dict) else 200
        await self._answer(send, status, replies.encode(answer, base64=options.base64))

    async def _pipeline(self, commands: Sequence[Command], options: Options, read_only: bool) -> list[Reply]:
        """Run the permitted commands in one go; the others get their errors in place."""
        refusals = [_refusal(command, read_only) for command in commands]
        permitted = [command for command, refusal in zip(commands, refusals, strict=True) if refusal is None]
        results = iter(await self._pool.run(permitted, decode=not options.base64) if permitted else [])
        self._note_writes(permitted)
        return [
            replies.outcome(next(results)) if refusal is None else replies.error(refusal)
            for refusal in refusals
        ]

    async def _raw_pipeline(self, commands: Sequence[Command], read_only: bool) -> bytes:
        parts = []
        for command in commands:
            refusal = _refusal(command, read_only)
            parts.append(f"-{refusal}\r\n".encode() if refusal else await self._pool.run_raw(command))
            self._note_writes([command])
        return b"".join(parts)

    async def _transaction(self, commands: Sequence[Command], options: Options, read_only: bool) -> Reply:
        """Run all commands between MULTI and EXEC, or none of them."""
        for command in commands:
            rules.check(command, read_only=read_only)
        batch: list[Command] = [["MULTI"], *commands, ["EXEC"]]
        *queued, results = await self._pool.run(batch, decode=not options.base64)
        self._note_writes(commands)
        if isinstance(results, list):
            return [replies.outcome(reply) for reply in results]
        # EXEC says only that something was refused; what and why stands in the answer to the command itself.
        reason = next((reply for reply in queued if isinstance(reply, hiredis.ReplyError)), results)
        return replies.error(str(reason))

    def _note_writes(self, commands: Sequence[Command]) -> None:
        if not all(map(rules.only_reads, commands)):
            self._sync_token = self._next_sync_token()

    def _next_sync_token(self) -> bytes:
        return f"{self._epoch}:{next(self._writes)}".encode()

    async def _answer(self, send: Send, status: int, body: bytes, content_type: bytes = _JSON) -> None:
        headers = [
            (b"content-type", content_type),
            (b"content-length", str(len(body)).encode()),
            (b"upstash-sync-token", self._sync_token),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _refusal(command: Command, read_only: bool) -> str | None:
    try:
        rules.check(command, read_only=read_only)
    except RequestRefused as refusal:
        return refusal.text
    return None
