"""Keys, roles, and an API without keys."""

from __future__ import annotations

import re

import pytest

from api.keys import main as make_key
from api.security.keys import ApiKey, Role, digest_of, find_key, read_keys
from shared.errors import SettingsError
from tests.api.conftest import AppFactory
from tests.api.support import MAIL, Client, ask_raw, body_of, is_problem

KEYS = {"submit": "key-of-submit", "read": "key-of-read", "admin": "key-of-admin"}
#: Keys of each role that are bound to a queue that nothing of the table is in.
BOUND = {f"bound {role}": f"key-of-bound-{role}" for role in KEYS}
API_KEYS = ",".join(
    [f"{role}er:{role}:{digest_of(key.encode())}" for role, key in KEYS.items()]
    + [
        f"{name.replace(' ', '-')}:{name[6:]}:{digest_of(key.encode())}:elsewhere"
        for name, key in BOUND.items()
    ]
)
NO_TASK = "0" * 27

#: What each route answers to each role: the table of the contract.
TABLE = [
    ("POST", "/api/tasks", {"submit": 202, "read": 403, "admin": 202}),
    ("POST", "/api/tasks/batch", {"submit": 202, "read": 403, "admin": 202}),
    ("GET", f"/api/tasks/{NO_TASK}", {"submit": 404, "read": 404, "admin": 404}),
    ("GET", "/api/tasks", {"submit": 403, "read": 200, "admin": 200}),
    ("POST", f"/api/tasks/{NO_TASK}/cancel", {"submit": 403, "read": 403, "admin": 404}),
    ("POST", f"/api/tasks/{NO_TASK}/requeue", {"submit": 403, "read": 403, "admin": 404}),
    ("POST", f"/api/tasks/{NO_TASK}/run-now", {"submit": 403, "read": 403, "admin": 404}),
    ("PATCH", f"/api/tasks/{NO_TASK}", {"submit": 403, "read": 403, "admin": 404}),
    ("DELETE", f"/api/tasks/{NO_TASK}", {"submit": 403, "read": 403, "admin": 404}),
    ("GET", "/api/dead-letters", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/dead-letters/groups", {"submit": 403, "read": 200, "admin": 200}),
    ("POST", "/api/dead-letters/groups/none/requeue", {"submit": 403, "read": 403, "admin": 404}),
    ("POST", "/api/dead-letters/requeue", {"submit": 403, "read": 403, "admin": 202}),
    ("POST", "/api/dead-letters/delete", {"submit": 403, "read": 403, "admin": 202}),
    ("POST", "/api/tasks/cancel", {"submit": 403, "read": 403, "admin": 202}),
    ("GET", "/api/jobs", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", f"/api/jobs/{NO_TASK}", {"submit": 403, "read": 404, "admin": 404}),
    ("POST", f"/api/jobs/{NO_TASK}/cancel", {"submit": 403, "read": 403, "admin": 404}),
    ("POST", "/api/queues/none/purge", {"submit": 403, "read": 403, "admin": 404}),
    ("GET", "/api/queues", {"submit": 403, "read": 200, "admin": 200}),
    ("POST", "/api/queues/none/pause", {"submit": 403, "read": 403, "admin": 200}),
    ("POST", "/api/queues/none/resume", {"submit": 403, "read": 403, "admin": 200}),
    ("GET", "/api/queues/none/limits", {"submit": 403, "read": 200, "admin": 200}),
    ("PUT", "/api/queues/none/limits", {"submit": 403, "read": 403, "admin": 200}),
    ("GET", "/api/queues/none/limits/none", {"submit": 403, "read": 200, "admin": 200}),
    ("PUT", "/api/queues/none/limits/none", {"submit": 403, "read": 403, "admin": 200}),
    ("DELETE", "/api/queues/none/limits/none", {"submit": 403, "read": 403, "admin": 200}),
    ("GET", "/api/schedules", {"submit": 403, "read": 200, "admin": 200}),
    ("POST", "/api/schedules/preview", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/schedules/none", {"submit": 403, "read": 404, "admin": 404}),
    ("PUT", "/api/schedules/none", {"submit": 403, "read": 403, "admin": 201}),
    ("DELETE", "/api/schedules/none", {"submit": 403, "read": 403, "admin": 404}),
    ("POST", "/api/schedules/none/pause", {"submit": 403, "read": 403, "admin": 404}),
    ("POST", "/api/schedules/none/resume", {"submit": 403, "read": 403, "admin": 404}),
    ("POST", "/api/schedules/none/run", {"submit": 403, "read": 403, "admin": 404}),
    ("GET", "/api/workers", {"submit": 403, "read": 200, "admin": 200}),
    ("POST", "/api/workers/none/drain", {"submit": 403, "read": 403, "admin": 404}),
    ("GET", "/api/cron/tick", {"submit": 403, "read": 403, "admin": 200}),
    ("POST", "/api/cron/tick", {"submit": 403, "read": 403, "admin": 200}),
    ("GET", "/api/audit/repair", {"submit": 403, "read": 200, "admin": 200}),
    ("POST", "/api/audit/repair", {"submit": 403, "read": 403, "admin": 200}),
    ("GET", "/api/task-types", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/stats/cost", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/stats", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/client.ts", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/overview", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", f"/api/tasks/{NO_TASK}/explain", {"submit": 404, "read": 404, "admin": 404}),
    ("GET", "/api/events", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/events/poll", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/metrics", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/ready", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/session", {"submit": 200, "read": 200, "admin": 200}),
    ("GET", "/api/keys", {"submit": 403, "read": 403, "admin": 200}),
    ("GET", "/api/settings", {"submit": 403, "read": 200, "admin": 200}),
    ("GET", "/api/audit", {"submit": 403, "read": 403, "admin": 200}),
    ("GET", "/api/nothing", {"submit": 404, "read": 404, "admin": 404}),
]
#: What a role may do and its bound key may not: it names a queue out of reach, or concerns all queues.
REFUSED_TO_BOUND = {
    ("POST", "/api/tasks"),
    ("POST", "/api/tasks/batch"),
    ("GET", "/api/dead-letters/groups"),
    ("POST", "/api/dead-letters/groups/none/requeue"),
    ("POST", "/api/queues/none/pause"),
    ("POST", "/api/queues/none/resume"),
    ("PUT", "/api/schedules/none"),
    ("POST", "/api/workers/none/drain"),
    ("GET", "/api/queues/none/limits"),
    ("PUT", "/api/queues/none/limits"),
    ("GET", "/api/queues/none/limits/none"),
    ("PUT", "/api/queues/none/limits/none"),
    ("DELETE", "/api/queues/none/limits/none"),
    ("POST", "/api/dead-letters/requeue"),
    ("POST", "/api/dead-letters/delete"),
    ("POST", "/api/tasks/cancel"),
    ("GET", "/api/jobs"),
    ("GET", f"/api/jobs/{NO_TASK}"),
    ("POST", f"/api/jobs/{NO_TASK}/cancel"),
    ("POST", "/api/queues/none/purge"),
    ("GET", "/api/audit/repair"),
    ("POST", "/api/audit/repair"),
    ("GET", "/api/stats"),
    ("GET", "/api/stats/cost"),
    ("GET", "/api/cron/tick"),
    ("POST", "/api/cron/tick"),
    ("GET", "/api/keys"),
    ("GET", "/api/settings"),
    ("GET", "/api/audit"),
}
PUBLIC = [
    "/api/health",
    "/docs",
    "/api/docs",
    "/openapi.json",
    "/api/openapi.json",
    "/api/problems",
    "/api/problems/not-found",
]
#: Public routes of the document.
OPEN = {
    ("GET", "/api/health"),
    ("GET", "/api/problems"),
    ("GET", "/api/problems/{slug}"),
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
}


@pytest.mark.parametrize(("method", "path", "by_role"), TABLE)
@pytest.mark.parametrize("role", ["submit", "read", "admin", *BOUND, "none", "wrong"])
async def test_every_route_to_every_role(
    make_app: AppFactory, method: str, path: str, by_role: dict[str, int], role: str
) -> None:
    key = {"none": None, "wrong": "no-such-key"}.get(role, {**KEYS, **BOUND}.get(role))
    app = make_app(api_keys=API_KEYS, events_stream_seconds=1)
    async with Client(app, peer="203.0.113.9", host="api.example.org", key=key) as client:
        answer = await client.request(
            method, path, json=body_of(path) if method in ("POST", "PUT", "PATCH") else None
        )
    expected = by_role.get(role.removeprefix("bound "), 401)
    if role in BOUND and (method, path) in REFUSED_TO_BOUND:
        expected = 403
    assert answer.status_code == expected
    if expected >= 400:
        assert is_problem(answer, expected)
    if expected == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_table_names_every_route(make_app: AppFactory) -> None:
    app = make_app()
    documented = {
        (
            method.upper(),
            re.sub(r"{(name|fingerprint|schedule_id|key)}", "none", re.sub("{(task|job)_id}", NO_TASK, path)),
        )
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    assert documented - {(method, path) for method, path, _ in TABLE} == OPEN


@pytest.mark.parametrize("path", PUBLIC)
async def test_public_paths_need_no_key(make_app: AppFactory, path: str) -> None:
    async with Client(make_app(api_keys=API_KEYS), peer="203.0.113.9", host="api.example.org") as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {KEYS['admin']}",
        KEYS["admin"],
        "Bearer \u00fc",
        f"Bearer {KEYS['admin']}x",
    ],
)
async def test_what_is_no_key(make_app: AppFactory, value: str) -> None:
    headers = [(b"authorization", value.encode())]
    answer = await ask_raw(make_app(api_keys=API_KEYS), "GET", "/api/overview", headers=headers)
    assert answer.status == 401


async def test_the_scheme_in_any_case_and_never_two_headers(make_app: AppFactory) -> None:
    app = make_app(api_keys=API_KEYS)
    header = (b"authorization", f"bearer  {KEYS['read']}".encode())
    assert (await ask_raw(app, "GET", "/api/overview", headers=[header])).status == 200
    assert (await ask_raw(app, "GET", "/api/overview", headers=[header, header])).status == 401


async def test_the_role_is_told(make_app: AppFactory) -> None:
    async with Client(make_app(api_keys=API_KEYS), key=KEYS["read"]) as client:
        assert (await client.get("/api/overview")).json()["role"] == "read"


async def test_a_key_does_not_open_the_api_of_this_machine_only(make_app: AppFactory) -> None:
    """With keys there is no rule about peers, Host or Origin; without a key nothing is served."""
    async with Client(make_app(api_keys=API_KEYS)) as client:
        assert is_problem(await client.get("/api/overview"), 401)


def test_every_entry_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(left: str, right: str) -> bool:
        compared.append(left)
        return left == right

    monkeypatch.setattr("api.security.keys.hmac.compare_digest", compare)
    keys = [ApiKey(str(n), Role.READ, digest_of(b"%d" % n)) for n in range(5)]
    found = find_key(keys, b"0")
    assert found is not None
    assert found.name == "0"
    assert len(compared) == 5


SHA = digest_of(b"secret")


@pytest.mark.parametrize(
    "text",
    [
        ",",
        " ",
        "web",
        "web:submit",
        "web:submit:secret",
        f"web:root:{SHA}",
        f":submit:{SHA}",
        f"we b:submit:{SHA}",
        f"web:submit:{SHA}:",
        f"web:submit:{SHA}:a+",
        f"web:submit:{SHA}:a b",
        f"web:submit:{SHA}:a:fast",
        f"web:submit:{SHA}:a:0/s",
        f"web:submit:{SHA}:a:9/s:x",
        f"web:submit:{SHA[:-1]}",
        f"web:submit:{SHA},web:admin:{SHA}",
        f"web:submit:{SHA};api:admin:{SHA}",
    ],
)
async def test_malformed_keys_stop_every_route_but_health(make_app: AppFactory, text: str) -> None:
    with pytest.raises(SettingsError):
        read_keys(text)
    async with Client(make_app(api_keys=text)) as client:
        for path in ("/api/overview", "/api/tasks", "/docs", "/", "/api/nothing"):
            answer = await client.get(path)
            assert is_problem(answer, 503, "API_KEYS")
            assert "secret" not in answer.text
        assert (await client.get("/api/health")).status_code == 200


def test_keys_that_are_well_formed() -> None:
    keys = read_keys(f" web:submit:{SHA.upper()} , ops:admin:{SHA}, ")
    assert keys == [("web", "submit", SHA, None, None), ("ops", "admin", SHA, None, None)]
    assert read_keys(None) == []


@pytest.mark.parametrize(
    ("tail", "queues", "rate"),
    [
        (":mail", {"mail"}, None),
        (":mail+sms.v2", {"mail", "sms.v2"}, None),
        (":mail:100/s", {"mail"}, (100, 1)),
        ("::6000/min", None, (6000, 60)),
    ],
)
def test_keys_that_are_bound_or_limited(
    tail: str, queues: set[str] | None, rate: tuple[int, int] | None
) -> None:
    [key] = read_keys(f"web:submit:{SHA}{tail}")
    assert (key.queues, key.rate) == (queues, rate)


async def test_the_command_makes_a_key_that_works(
    make_app: AppFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_key(["web", "submit"]) == 0
    out, err = capsys.readouterr()
    key = err.split("Bearer ")[1].split("`")[0]
    assert key not in out
    async with Client(make_app(api_keys=out.strip()), key=key) as client:
        assert (await client.submit()).status_code == 202


async def test_the_command_makes_a_bound_key(
    make_app: AppFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_key(["web", "submit", "--queues", "mail, sms", "--rate", "2/min"]) == 0
    out, err = capsys.readouterr()
    [entry] = read_keys(out.strip())
    assert (entry.queues, entry.rate) == ({"mail", "sms"}, (2, 60))
    key = err.split("Bearer ")[1].split("`")[0]
    async with Client(make_app(api_keys=out.strip()), key=key) as client:
        assert (await client.submit(queue="sms")).status_code == 202
        assert is_problem(await client.submit(queue="other"), 403)


@pytest.mark.parametrize(
    "arguments",
    [
        ["we b", "submit"],
        ["web", "root"],
        [],
        ["web", "read", "--queues", "a b"],
        ["web", "submit", "--rate", "fast"],
    ],
)
def test_the_command_refuses(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        make_key(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err


# --- without keys ---


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000", "[::1]"]
)
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
async def test_without_keys_this_machine_is_served(make_app: AppFactory, host: str, peer: str) -> None:
    answer = await ask_raw(
        make_app(), "GET", "/api/overview", headers=[(b"host", host.encode())], client=(peer, 1)
    )
    assert answer.status == 200


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "testclient", ""])
async def test_without_keys_other_peers_are_not_served(make_app: AppFactory, peer: str) -> None:
    forwarded = [
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"forwarded", b"for=127.0.0.1"),
        (b"x-real-ip", b"127.0.0.1"),
    ]
    for path in ("/api/overview", "/docs", "/api/nothing", "/"):
        answer = await ask_raw(make_app(), "GET", path, headers=forwarded, client=(peer, 1))
        assert answer.status == 403
        assert "API_KEYS" in answer.json["detail"]
        assert "ALLOW_KEYLESS" in answer.json["detail"]
    assert (await ask_raw(make_app(), "GET", "/api/health", client=(peer, 1))).status == 200
    allowed = await ask_raw(make_app(allow_keyless=True), "GET", "/api/overview", client=(peer, 1))
    assert allowed.status == 200


async def test_without_keys_a_peer_that_is_not_known_is_not_served(make_app: AppFactory) -> None:
    assert (await ask_raw(make_app(), "GET", "/api/overview", client=None)).status == 403


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "localhost:8000@x",
        "0.0.0.0:80",
        "localhost:",
        "",
        "::1",
        "\xff",
    ],
)
async def test_without_keys_a_foreign_host_is_not_served(
    make_app: AppFactory, host: str, allow: bool
) -> None:
    headers = [(b"host", host.encode("latin-1"))]
    answer = await ask_raw(make_app(allow_keyless=allow), "GET", "/api/overview", headers=headers)
    assert answer.status == 403


async def test_without_keys_two_hosts_are_not_served(make_app: AppFactory) -> None:
    headers = [(b"host", b"localhost"), (b"host", b"localhost")]
    assert (await ask_raw(make_app(), "GET", "/api/overview", headers=headers)).status == 403


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:5173", 202),
        ("http://127.0.0.1:8000", 202),
        ("http://[::1]:8000", 202),
        ("https://example.org", 403),
        ("http://localhost.example.org", 403),
        ("http://localhost:8000@example.org", 403),
        ("http://[", 403),
        ("null", 403),
        ("", 403),
        ("file://localhost", 403),
    ],
)
async def test_without_keys_a_foreign_page_is_not_served(
    make_app: AppFactory, origin: str, status: int, allow: bool
) -> None:
    async with Client(make_app(allow_keyless=allow)) as client:
        answer = await client.post("/api/tasks", json=MAIL, headers={"Origin": origin})
    assert answer.status_code == status


async def test_origins_that_are_configured(make_app: AppFactory) -> None:
    app = make_app(api_keys=API_KEYS, cors_origins="https://app.example.org, https://b.example.org")
    origin = {"Origin": "https://app.example.org"}
    async with Client(app, host="api.example.org") as client:
        asked = {
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        preflight = await client.options("/api/tasks", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://app.example.org"
        refused = await client.get("/api/overview", headers=origin)
        assert is_problem(refused, 401)
        assert refused.headers["access-control-allow-origin"] == "https://app.example.org"
        assert "ETag" in refused.headers["access-control-expose-headers"]
        foreign = await client.get("/api/overview", headers={"Origin": "https://example.net"})
        assert "access-control-allow-origin" not in foreign.headers


async def test_without_keys_a_configured_origin_is_not_foreign(make_app: AppFactory) -> None:
    async with Client(make_app(cors_origins="https://app.example.org")) as client:
        answer = await client.get("/api/overview", headers={"Origin": "https://app.example.org"})
    assert answer.status_code == 200
