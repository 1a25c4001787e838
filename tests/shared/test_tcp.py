"""The TCP adapter: what servers' errors become, lost replies, deadlines, cancelled callers."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
import uvloop

from shared.errors import ScriptFailed, StoreFull, StoreRefused, StoreUnavailable
from shared.queue import QueueOptions, TaskQueue
from shared.scripts import script
from shared.settings import TcpTarget
from shared.transports import tcp
from shared.transports.base import DEADLINE_S, Elsewhere, ScriptSignal
from shared.transports.tcp import MAX_WAIT_S, TcpTransport
from tests.support.echoes import check_echoes
from tests.support.factories import ending, registered, task, tasks
from tests.support.faults import CuttingProxy, answering
from tests.support.queues import NAMESPACE
from tests.support.server import Server, free_port
from tests.support.waiting import wait_until

TICK = script("tick")
#: error texts as Redis 7, Valkey 9 and Upstash write them
TEXTS = [
    ("OOM command not allowed when used memory > 'maxmemory'. script: abc, on @user_script:9.", StoreFull),
    (
        "ERR Error running script (call to f_abc): @user_script:9: -OOM command not allowed when used",
        StoreFull,
    ),
    ("ERR DB capacity quota exceeded. Limit: 268435456", StoreFull),
    ("WRONGPASS invalid username-password pair or user is disabled.", StoreRefused),
    ("NOAUTH Authentication required.", StoreRefused),
    ("ERR invalid password", StoreRefused),
    ("NOPERM User app has no permissions to run the 'evalsha' command", StoreRefused),
    ("ERR max requests limit exceeded. Limit: 500000, Usage: 500001.", StoreRefused),
    ("LOADING Redis is loading the dataset in memory", StoreUnavailable),
    (
        "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist",
        StoreUnavailable,
    ),
    ("READONLY You can't write against a read only replica.", StoreUnavailable),
    ("CLUSTERDOWN The cluster is down", StoreUnavailable),
    ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", StoreUnavailable),
    ("TRYAGAIN Multiple keys request during rehashing of slot", StoreUnavailable),
    ("NOREPLICAS Not enough good replicas to write.", StoreUnavailable),
    (
        "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        StoreUnavailable,
    ),
    ("ERR max number of clients reached", StoreUnavailable),
    ("ERR unknown command 'EVALSHA', with args beginning with:", ScriptFailed),
    ("ERR user_script:3: Script attempted to access nonexistent global variable 'x'", ScriptFailed),
    ("UNBLOCKED force unblock from blocking operation, instance state changed", StoreUnavailable),
    ("MOVED 10491 127.0.0.1:7001", Elsewhere),
    ("ASK 10491 127.0.0.1:7001", Elsewhere),
    ("CROSSSLOT Keys in request don't hash to the same slot", ScriptFailed),
]


def _transport(url: str, **options) -> TcpTransport:
    return TcpTransport(TcpTarget(url), **options)


@pytest.mark.parametrize(("text", "expected"), TEXTS)
async def test_what_a_servers_error_becomes(text, expected):
    async with answering(f"-{text}\r\n".encode()) as url:
        transport = _transport(url)
        with pytest.raises(expected) as caught:
            await transport.run(TICK, [], [])
        assert type(caught.value) is expected
        await transport.close()


async def test_our_own_codes_come_with_their_words():
    reply = b"-DTQ_IDEMPOTENCY_CONFLICT 3 abc script: 0123, on @user_script:9.\r\n"
    async with answering(reply, b"-ERR DTQ_NOT_FOUND\r\n") as url:
        transport = _transport(url)
        for code, words in (("DTQ_IDEMPOTENCY_CONFLICT", ["3", "abc"]), ("DTQ_NOT_FOUND", [])):
            with pytest.raises(ScriptSignal) as caught:
                await transport.run(TICK, [], [])
            assert (caught.value.code, caught.value.words) == (code, words)
        await transport.close()


@pytest.mark.parametrize(
    "reply", [b"+OK\r\n", b"*0\r\n", b"*1\r\n$1\r\nx\r\n", b"$-1\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
async def test_nonsense_is_unavailable(reply):
    async with answering(reply) as url:
        queue = TaskQueue(_transport(url))
        with pytest.raises(StoreUnavailable):
            await queue.tick()
        await queue.transport.close()


async def test_text_that_is_no_utf8_is_unavailable_and_the_next_call_works(store, server):
    store.execute_command("SET", "{test:0}:t:" + "0" * 27, b"\xff\xfe")
    queue = TaskQueue(_transport(server.url), QueueOptions(namespace=NAMESPACE))
    with pytest.raises(StoreUnavailable, match="nonsense"):
        await queue.get("0" * 27)
    store.delete("{test:0}:t:" + "0" * 27)
    await queue.ping()
    await queue.transport.close()


class TestRealRefusals:
    async def test_passwords_and_rights(self):
        protected = Server("--requirepass", "secret", expect=b"-NOAUTH")
        try:
            for user in ("", ":wrong@", "nobody:wrong@"):
                transport = _transport(protected.url.replace("127.0.0.1", f"{user}127.0.0.1"))
                with pytest.raises(StoreRefused):
                    await transport.run(TICK, [], [])
                await transport.close()
            admin = _transport(protected.url.replace("127.0.0.1", ":secret@127.0.0.1"))
            await admin.command("ACL", "SETUSER", "reader", "on", ">r", "~*", "+get")
            reader = _transport(protected.url.replace("127.0.0.1", "reader:r@127.0.0.1"))
            with pytest.raises(StoreRefused, match="no permissions"):
                await reader.run(TICK, [], [])
            await admin.close()
            await reader.close()
        finally:
            protected.stop()

    async def test_nobody_listens(self):
        transport = _transport(f"redis://127.0.0.1:{free_port()}")
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await transport.run(TICK, [], [])
        await transport.close()


class TestDeadlines:
    def test_a_caller_hears_within_five_seconds(self):
        assert DEADLINE_S <= 5

    @pytest.mark.parametrize("socket_timeout_s", [0.2, 5.0])
    async def test_silence_ends_with_the_deadline_retries_included(self, monkeypatch, socket_timeout_s):
        monkeypatch.setattr(tcp, "DEADLINE_S", 0.5)
        async with answering(None) as url:
            transport = _transport(url, socket_timeout_s=socket_timeout_s)
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await transport.run(TICK, [], [])
            assert time.monotonic() - started < 1.5
            await transport.close()

    async def test_silence_after_noscript_is_bounded_too(self, monkeypatch):
        monkeypatch.setattr(tcp, "DEADLINE_S", 0.5)
        async with answering(b"-NOSCRIPT No matching script.\r\n", None) as url:
            transport = _transport(url, socket_timeout_s=0.4)
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await transport.run(TICK, [], [])
            assert time.monotonic() - started < 1.5
            await transport.close()

    @pytest.mark.parametrize("socket_timeout_s", [0.2, 5.0])
    @pytest.mark.parametrize("first", [None, b"-NOSCRIPT No matching script.\r\n"])
    async def test_silence_of_an_open_connection_is_bounded_too(self, monkeypatch, socket_timeout_s, first):
        monkeypatch.setattr(tcp, "DEADLINE_S", 0.5)
        async with answering(b"+PONG\r\n", first, None) as url:
            transport = _transport(url, socket_timeout_s=socket_timeout_s)
            await transport.command("PING")
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await transport.run(TICK, [], [])
            assert time.monotonic() - started < 1.0
            await transport.close()


async def test_a_server_that_loads_is_asked_once_more():
    async with answering(b"+PONG\r\n", b"-LOADING Redis is loading\r\n", b"*1\r\n:1\r\n") as url:
        transport = _transport(url)
        await transport.command("PING")
        assert await transport.run(TICK, [], []) == [1]
        await transport.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_answers_of_any_size_and_many_at_once_on_either_loop(server, new_loop):
    check_echoes(new_loop, lambda: _transport(server.url))


async def test_the_body_is_sent_only_when_the_server_lost_it(store, tcp_queues):
    queue = tcp_queues()
    store.config_resetstat()
    for _ in range(3):
        await queue.submit([task()])
    store.script_flush()
    await queue.submit([task()])
    stats = store.info("commandstats")
    assert stats["cmdstat_eval"]["calls"] == 2
    assert stats["cmdstat_evalsha"]["calls"] == 4
    assert "cmdstat_script|load" not in stats


class TestLostReplies:
    async def test_a_submission_is_repeated_and_stored_once(self, store, server):
        async with CuttingProxy(server.port) as proxy:
            queue = TaskQueue(_transport(proxy.url), QueueOptions(namespace=NAMESPACE))
            await queue.submit([task()])
            proxy.cut = 1
            items = await queue.submit(tasks(600))
            assert len({item.id for item in items}) == 600
            assert store.zcard("{test:0}:pending:default") == 601
            await queue.transport.close()

    async def test_an_exchange_is_repeated_and_claims_once(self, store, server):
        async with CuttingProxy(server.port) as proxy:
            queue = TaskQueue(_transport(proxy.url), QueueOptions(namespace=NAMESPACE))
            await queue.submit(tasks(10))
            state = await registered(queue)
            held = {claim.id: claim for claim in (await queue.exchange(state, free=3)).claims}
            done = 0
            for _ in range(10):
                proxy.cut = 1
                outcomes = [ending(claim) for claim in held.values()]
                reply = await queue.exchange(state, outcomes, free=3)
                assert reply.lost == []
                done += len(outcomes)
                held = {claim.id: claim for claim in reply.claims}
            assert done == 10
            assert (await queue.overview()).counts["completed"] == 10
            await queue.transport.close()

    async def test_a_worker_that_repeats_itself_gets_the_error(self, store, server):
        async with CuttingProxy(server.port) as proxy:
            queue = TaskQueue(_transport(proxy.url, attempts=1), QueueOptions(namespace=NAMESPACE))
            await queue.submit(tasks(2))
            state = await registered(queue)
            await queue.exchange(state, free=0)
            proxy.cut = 1
            with pytest.raises(StoreUnavailable):
                await queue.exchange(state, free=1)
            assert state.number == 1
            reply = await queue.exchange(state, free=1)
            assert (reply.state, len(reply.claims)) == ("replay", 1)
            await queue.transport.close()


class TestCancelledCallers:
    async def test_the_next_call_never_gets_the_reply_of_a_cancelled_one(self, server):
        transport = _transport(server.url)
        draw = random.Random(7)
        for number in range(300):
            call = asyncio.create_task(transport.command("ECHO", f"cancelled-{number}"))
            for _ in range(draw.randrange(12)):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert await transport.command("ECHO", f"kept-{number}") == f"kept-{number}"
        await transport.close()

    async def test_a_cancelled_submission_is_stored_whole_or_not_at_all(self, store, tcp_queues):
        queue = tcp_queues()
        before = len(asyncio.all_tasks())
        for _ in range(20):
            call = asyncio.create_task(queue.submit(tasks(600)))
            await asyncio.sleep(0.002)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        await wait_until(
            lambda: len(asyncio.all_tasks()) == before, describe="the calls have ended by themselves"
        )
        await queue.transport.command("PING")  # answered behind all that was sent before
        assert store.zcard("{test:0}:pending:default") % 600 == 0

    async def test_closing_ends_a_wait(self, store, server):
        transport = _transport(server.url)
        waiting = asyncio.create_task(transport.wait("{test:0}:wakes", "0-0", 30_000))
        probe = _transport(server.url)

        async def is_blocked():
            return "cmd=xread" in await probe.command("CLIENT", "LIST")

        await wait_until(is_blocked, describe="the wait blocks")
        await transport.close()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(waiting, 5)
        await probe.close()


class TestConnections:
    async def test_a_burst_of_hundreds_of_callers_shares_one(self, store, server):
        queue = TaskQueue(_transport(server.url), QueueOptions(namespace=NAMESPACE))
        before = len(store.client_list())
        items = await asyncio.gather(*(queue.submit([task()]) for _ in range(200)))
        assert len({one[0].id for one in items}) == 200
        assert len(store.client_list()) == before + 1
        await queue.transport.close()

    async def test_answers_come_to_those_who_asked(self, server):
        transport = _transport(server.url)
        words = [f"word {n}" * (n % 50 + 1) for n in range(500)]
        assert await asyncio.gather(*(transport.command("ECHO", word) for word in words)) == words
        await transport.close()

    async def test_when_one_answer_does_not_come_the_others_are_not_mixed_up(self):
        async with answering(b"+one\r\n", None) as url:
            transport = _transport(url, socket_timeout_s=0.3)
            assert await transport.command("ECHO", "one") == "one"
            calls = [transport.command("ECHO", "two"), transport.command("ECHO", "three")]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable]
            await transport.close()

    async def test_an_answer_that_nobody_asked_for_ends_the_connection(self):
        async with answering(b"+one\r\n+another\r\n") as url:
            transport = _transport(url)
            assert await transport.command("ECHO", "one") == "one"
            assert await transport.command("ECHO", "one") == "one"  # on a new one
            await transport.close()

    async def test_a_wait_takes_the_connection_of_the_wait_before(self, store, server):
        transport = _transport(server.url)
        before = len(store.client_list())
        for _ in range(3):
            assert await transport.wait("{test:0}:wakes", "0-0", 1) == []
        assert len(store.client_list()) == before + 1
        await transport.close()

    async def test_waits_become_shorter_where_silent_connections_are_closed(self, store, server):
        clock = iter(range(0, 10_000, 50))  # each wait seems to last 50 s
        async with CuttingProxy(server.port) as proxy:
            transport = _transport(proxy.url, now=lambda: float(next(clock)))

            async def lost(shard: int) -> float:
                """The longest wait after one of a shard was lost."""
                proxy.cut = 1
                with pytest.raises(StoreUnavailable):
                    await transport.wait(f"{{test:{shard}}}:wakes", "0-0", 100)
                return transport._longest_wait_s

            assert [await lost(0), await lost(1)] == [MAX_WAIT_S, MAX_WAIT_S]  # as when a server ends
            assert [await lost(0), await lost(1)] == [37.5, 37.5]
            await transport.close()

    async def test_a_wait_that_is_cancelled_ends_at_the_server_too(self, store, server):
        transport = _transport(server.url)
        before = len(store.client_list())
        waiting = asyncio.create_task(transport.wait("{test:0}:wakes", "0-0", 30_000))
        await wait_until(lambda: len(store.client_list()) == before + 1, describe="the wait is there")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await wait_until(lambda: len(store.client_list()) == before, describe="its connection is gone")
        await transport.close()
