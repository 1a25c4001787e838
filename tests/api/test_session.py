"""Sessions of the dashboard: the cookie, who may use it, how often one may try."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
import redis
from fastapi import FastAPI

from api.security.keys import digest_of, read_keys
from api.security.session import Sessions, session_secret
from api.security.sign_in import SignIns, peer_of
from shared.errors import RateExceeded
from shared.settings import RestTarget, TcpTarget
from tests.api.conftest import AppFactory
from tests.api.support import MAIL, Client, ask_raw, is_problem
from tests.api.test_security import API_KEYS, BOUND, KEYS

ORIGIN = {"Origin": "https://queue.example.org"}


class Browser(httpx.AsyncClient):
    """Keeps cookies, as a page of the deployment at https://queue.example.org would."""

    def __init__(self, app: FastAPI, base: str = "https://queue.example.org", peer: str = "203.0.113.9"):
        super().__init__(transport=httpx.ASGITransport(app, client=(peer, 50_000)), base_url=base)

    async def sign_in(self, key: str = KEYS["admin"], **headers: str) -> httpx.Response:
        return await self.post("/api/session", json={"key": key}, headers=headers)


@pytest.fixture
def app(make_app: AppFactory) -> FastAPI:
    return make_app(api_keys=API_KEYS)


async def test_signing_in_acting_and_signing_out(app: FastAPI) -> None:
    async with Browser(app) as browser:
        assert is_problem(await browser.get("/api/session"), 401)
        answer = await browser.sign_in(**ORIGIN)
        assert answer.status_code == 200
        who = answer.json()
        assert (who["name"], who["role"], who["queues"]) == ("adminer", "admin", None)
        assert re.fullmatch(r"20\d\d-.*Z", who["expires_at"])
        assert (await browser.get("/api/session")).json() == who
        assert (await browser.post("/api/tasks", json=MAIL, headers=ORIGIN)).status_code == 202
        gone = await browser.delete("/api/session", headers=ORIGIN)
        assert gone.status_code == 204
        assert "Max-Age=0" in gone.headers["set-cookie"]
        assert is_problem(await browser.get("/api/overview"), 401)


async def test_the_cookie_over_https(app: FastAPI) -> None:
    async with Browser(app) as browser:
        cookie = (await browser.sign_in()).headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    assert name == "__Host-dtq-session"
    assert rest.partition("; ")[2] == "Max-Age=43200; Path=/; Secure; HttpOnly; SameSite=Strict"
    assert KEYS["admin"] not in cookie


@pytest.mark.parametrize(
    ("base", "peer", "is_secure"),
    [
        ("http://localhost:8000", "127.0.0.1", False),
        ("http://127.0.0.1:8000", "127.0.0.1", False),
        ("https://localhost:8000", "127.0.0.1", True),
        ("http://queue.example.org", "127.0.0.1", True),
        ("http://localhost:8000", "203.0.113.9", True),
    ],
)
async def test_a_cookie_without_secure_is_for_this_machine_only(
    app: FastAPI, base: str, peer: str, is_secure: bool
) -> None:
    async with Browser(app, base, peer) as browser:
        cookie = (await browser.sign_in()).headers["set-cookie"]
    assert (cookie.startswith("__Host-dtq-session="), "Secure" in cookie) == (is_secure, is_secure)
    assert "HttpOnly; SameSite=Strict" in cookie


async def test_the_local_cookie_counts_on_this_machine_only(app: FastAPI) -> None:
    async with Browser(app, "http://localhost:8000", "127.0.0.1") as browser:
        await browser.sign_in()
        assert (await browser.get("/api/overview")).status_code == 200
        [(name, value)] = browser.cookies.items()
    header = [(b"cookie", f"{name}={value}".encode()), (b"host", b"queue.example.org")]
    assert (
        await ask_raw(app, "GET", "/api/overview", headers=header, client=("203.0.113.9", 1))
    ).status == 401


async def test_a_session_has_the_rights_of_its_key_now(make_app: AppFactory) -> None:
    async with Browser(make_app(api_keys=API_KEYS)) as browser:
        await browser.sign_in()
        cookies = dict(browser.cookies.items())
    digest = digest_of(KEYS["admin"].encode())
    for entries, status in [
        (f"adminer:admin:{digest}", 200),
        (f"adminer:read:{digest}", 403),
        (f"adminer:admin:{digest}:elsewhere", 403),
        (f"renamed:admin:{digest}", 401),
        (f"adminer:admin:{digest_of(b'another key')}", 401),
    ]:
        async with Browser(make_app(api_keys=entries)) as browser:
            browser.cookies.update(cookies)
            assert (await browser.get("/api/audit")).status_code == status, entries


async def test_a_bound_key_has_a_bound_session(app: FastAPI) -> None:
    async with Browser(app) as browser:
        assert (await browser.sign_in(BOUND["bound read"])).json()["queues"] == ["elsewhere"]
        assert (await browser.get("/api/overview")).json()["queues"] == []
        assert is_problem(await browser.get("/api/dead-letters/groups"), 403)


KEY = read_keys(API_KEYS)[2]


def made(seconds: int = 60, clock: Any = lambda: 1000.0, secret: bytes = b"s" * 32) -> Sessions:
    return Sessions(secret, seconds, clock)


def test_a_token_is_good_until_it_ends() -> None:
    token, ends_at = made().issue(KEY)
    assert ends_at == 1060
    assert made(clock=lambda: 1059.9).find([KEY], token) == (KEY, 1060)
    assert made(clock=lambda: 1060.0).find([KEY], token) is None
    assert made(secret=b"t" * 32).find([KEY], token) is None
    assert made().find([], token) is None


def test_no_other_token_is_good() -> None:
    token, _ = made().issue(KEY)
    longer, _ = made(seconds=10_000).issue(KEY)
    forged = [longer.partition(".")[0] + "." + token.partition(".")[2], token + "A", token[:-3], "." + token]
    forged += ["", ".", "a.b", "\u00fc.\u00fc", token.partition(".")[0], token.replace(".", ".."), "=" * 40]
    forged += [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(len(token) - 1)]
    for text in forged:
        found = made().find([KEY], text)
        # The last character of base64 has bits that carry nothing; no claim may come of them.
        assert found is None or found == (KEY, 1060), text
        assert found is None or text.partition(".")[0] == token.partition(".")[0], text


def test_the_secret_is_that_of_the_deployment() -> None:
    rest = RestTarget("https://a.example.org", "token")
    secrets = {
        session_secret(None, rest),
        session_secret(None, RestTarget("https://a.example.org", "other")),
        session_secret(None, TcpTarget("redis://:word@localhost")),
        session_secret("x" * 32, rest),
    }
    assert len(secrets) == 4
    assert session_secret(None, rest) == session_secret(None, RestTarget("https://a.example.org", "token"))


async def test_a_short_session_secret_is_told(make_app: AppFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.app import create_app

    monkeypatch.setenv("SESSION_SECRET", "short")
    async with Client(create_app()) as client:
        answer = await client.get("/api/overview")
    assert is_problem(answer, 503, "SESSION_SECRET")
    assert "short" not in answer.text


# --- pages of other sites ---

FOREIGN = [
    "https://evil.example.org",
    "http://queue.example.org",
    "https://queue.example.org:8443",
    "https://queue.example.org.evil.example",
    "https://queue.example.org@evil.example",
    "null",
    "",
    "https://[",
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_write_by_cookie_from_a_foreign_page_changes_nothing(app: FastAPI, origin: str) -> None:
    async with Browser(app) as browser:
        await browser.sign_in()
        for method, path in [
            ("POST", "/api/tasks"),
            ("POST", "/api/queues/mail/pause"),
            ("DELETE", "/api/session"),
            ("POST", "/api/session"),
            ("GET", "/api/cron/tick"),
        ]:
            answer = await browser.request(method, path, headers={"Origin": origin})
            assert is_problem(answer, 403), path
        assert (await browser.get("/api/queues")).json() == {"queues": []}


async def test_a_write_by_cookie_without_origin_needs_the_browsers_word(app: FastAPI) -> None:
    async with Browser(app) as browser:
        await browser.sign_in()
        assert is_problem(await browser.post("/api/tasks", json=MAIL), 403)
        for site, status in [("cross-site", 403), ("same-site", 403), ("none", 403), ("same-origin", 202)]:
            answer = await browser.post("/api/tasks", json=MAIL, headers={"Sec-Fetch-Site": site})
            assert answer.status_code == status
        assert (await browser.get("/api/overview")).status_code == 200, "reads change nothing"


async def test_a_key_in_the_header_needs_no_origin_and_wins(app: FastAPI) -> None:
    async with Browser(app) as browser:
        await browser.sign_in(KEYS["read"])
        key = {"Authorization": f"Bearer {KEYS['admin']}"}
        assert (await browser.post("/api/tasks", json=MAIL, headers=key)).status_code == 202
        wrong = {"Authorization": "Bearer wrong", **ORIGIN}
        assert is_problem(await browser.get("/api/overview", headers=wrong), 401)


async def test_two_sessions_in_one_request_are_none(app: FastAPI) -> None:
    async with Browser(app) as browser:
        await browser.sign_in()
        [(name, value)] = browser.cookies.items()
    cookie = f"{name}={value}"
    for text, status in [(cookie, 200), (f"a=b; {cookie}", 200), (f"{cookie}; {cookie}", 401)]:
        assert (
            await ask_raw(app, "GET", "/api/overview", headers=[(b"cookie", text.encode())])
        ).status == status


# --- trying ---


async def test_a_wrong_key_is_refused_and_leaves_no_cookie(app: FastAPI) -> None:
    async with Browser(app) as browser:
        answer = await browser.sign_in("no-such-key")
        assert is_problem(answer, 401)
        assert "set-cookie" not in answer.headers
        assert "no-such-key" not in answer.text
        assert is_problem(await browser.post("/api/session", json={"key": ""}), 422, "key")
        assert is_problem(await browser.post("/api/session", json={}), 422, "key")
        assert is_problem(await browser.post("/api/session", json={"key": "x" * 70_000}), 413)


async def test_trying_too_often_is_refused_over_all_instances(
    make_app: AppFactory, store: redis.Redis
) -> None:
    async with Browser(make_app(api_keys=API_KEYS)) as one, Browser(make_app(api_keys=API_KEYS)) as other:
        for n in range(10):
            assert is_problem(await (one, other)[n % 2].sign_in("wrong"), 401)
        for browser in (one, other):
            refused = await browser.sign_in()
            assert is_problem(refused, 429)
            assert 1 <= int(refused.headers["retry-after"]) <= 30
            assert refused.headers["ratelimit-policy"] == '"default";q=10;w=300'
            assert "set-cookie" not in refused.headers
        again = await one.sign_in()
        assert is_problem(again, 429)
        assert again.headers["x-redis-calls"] == "0", "what is known to be refused costs nothing"
        async with Browser(one._transport.app, peer="203.0.113.10") as neighbour:  # type: ignore[attr-defined]
            assert (await neighbour.sign_in()).status_code == 200
    [key] = store.keys("*rate:sign-in:203.0.113.9")
    assert 0 < store.pttl(key) <= 300_000


async def test_a_refusal_ends_by_itself() -> None:
    now = [0.0]
    sign_ins = SignIns(lambda: now[0])
    scope = {"client": ("203.0.113.9", 1)}

    class Queue:
        asked = 0

        async def throttle(self, *_: Any) -> None:
            self.asked += 1
            if self.asked == 1:
                raise RateExceeded("", retry_after_s=30, count=10, window_s=300)

    queue: Any = Queue()
    for _ in range(2):
        with pytest.raises(RateExceeded):
            await sign_ins.take(queue, scope)
    assert queue.asked == 1
    now[0] = 30.0
    await sign_ins.take(queue, scope)
    assert queue.asked == 2


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("203.0.113.9", 1), "203.0.113.9"),
        (("::ffff:203.0.113.9", 1), "203.0.113.9"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::"),
        (("2001:db8:1:2:ffff::", 1), "2001:db8:1:2::"),
        (("nobody", 1), "unknown"),
        (None, "unknown"),
    ],
)
def test_who_tries(client: Any, peer: str) -> None:
    assert peer_of({"client": client}) == peer


async def test_signing_in_is_in_the_audit_log(app: FastAPI) -> None:
    async with Browser(app) as browser:
        await browser.sign_in("wrong")
        await browser.sign_in(**{"X-Request-ID": "req-1"})
        [entry] = (await browser.get("/api/audit")).json()["entries"]
    assert (entry["action"], entry["by"], entry["request_id"]) == ("sign in", "adminer", "req-1")


async def test_without_keys_nobody_signs_in(tcp_api: Client) -> None:
    assert is_problem(await tcp_api.post("/api/session", json={"key": "x"}), 409)
    assert (await tcp_api.get("/api/session")).json() == {
        "name": "local",
        "role": "admin",
        "queues": None,
        "expires_at": None,
    }


async def test_every_answer_has_the_security_headers(app: FastAPI) -> None:
    async with Browser(app) as browser:
        for path in ("/api/health", "/api/overview", "/api/nothing", "/docs", "/openapi.json"):
            headers = (await browser.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-frame-options"] == "DENY"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["strict-transport-security"] == "max-age=31536000"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "default-src 'none'" in headers["content-security-policy"]
    async with Browser(app, "http://localhost:8000", "127.0.0.1") as browser:
        assert "strict-transport-security" not in (await browser.get("/api/health")).headers
