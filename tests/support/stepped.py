"""A server whose time a test decides: whole microseconds that move when the test says so, and no other way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import redis

from shared.scripts import Script
from shared.settings import TcpTarget
from shared.transports.base import Reply
from shared.transports.tcp import TcpTransport
from tests.support.invariants import Snapshot

_READ = "call('TIME')"
#: The time comes behind the arguments that the engine sends; the call is counted as the real one is.
_CLOCK = (
    "local stepped = (function() local us = tonumber(table.remove(ARGV)) return function(of_entry) "
    "if of_entry then return string.format('%.0f-*', math.floor(us / 1000)) end "
    "return {string.format('%.0f', math.floor(us / 1000000)), string.format('%.0f', us % 1000000)} end end)()\n"
)
#: The id of an event tells the time, too.
_OF_EVENT = "event_put('*'"
#: Takes this long, so that no two scripts run at the same moment.
CALL_US = 1_009

_DUMP = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local value = {}
  if kind == 'string' then value = redis.call('GET', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, '0', '-1', 'WITHSCORES')
  elseif kind == 'hash' then value = redis.call('HGETALL', key) end
  found[#found + 1] = {key, kind, value}
end
return found
"""


class SteppedTcp(TcpTransport):
    """Runs scripts at the test's time, changed ones if the test wants, twice when a reply is to be lost.

    Args:
        url: of the server.
        now_us: the time at first, µs since 1970.
        change: what is made of the body of each script.
    """

    def __init__(self, url: str, now_us: int, change: Callable[[str], str] = str) -> None:
        super().__init__(TcpTarget(url), attempts=1)
        self.now_us = now_us
        self.loses_reply = False
        self.last: tuple[Script, Sequence[str], Sequence[str]] | None = None
        self._change = change
        self._stepped: dict[str, Script] = {}

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        """Run a script; of one whose first reply is lost the second is returned."""
        self.last = script, keys, args
        reply = await self.repeat(script, keys, args)
        if self.loses_reply:
            self.loses_reply = False
            reply = await self.repeat(script, keys, args)
        return reply

    async def repeat(self, script: Script, keys: Sequence[str], args: Sequence[str]) -> Reply:
        """Send a call, perhaps one that was sent before."""
        self.now_us += CALL_US
        return await super().run(self.at_my_time(script), keys, [*args, str(self.now_us)])

    def at_my_time(self, script: Script) -> Script:
        """The script as this transport sends it: the time comes as one more argument."""
        known = self._stepped.get(script.name)
        if known is None:
            body = self._change(script.body)
            body = body.replace(_READ, "(call('EXISTS', '-') and stepped())")
            body = _CLOCK + body.replace(_OF_EVENT, "event_put(stepped(true)")
            if "TIME'" in body:
                raise RuntimeError(f"script {script.name} reads the time in a way that no test can move")
            sha = hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()
            known = replace(script, body=body, sha=sha, lines=lambda: ("clock", *script.lines()))
            self._stepped[script.name] = known
        return known


def look(store: redis.Redis, prefix: str) -> Snapshot:
    """Everything that is stored under a prefix, read at one moment."""
    seen = Snapshot({}, {}, {})
    cut = len(prefix)
    for key, kind, value in store.eval(_DUMP, 0):
        if kind == "string":
            seen.strings[key[cut:]] = value
        elif kind == "zset":
            seen.zsets[key[cut:]] = dict(zip(value[::2], map(float, value[1::2]), strict=True))
        elif kind == "hash":
            seen.hashes[key[cut:]] = dict(zip(value[::2], value[1::2], strict=True))
    return seen
