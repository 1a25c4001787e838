"""The REST protocol as raw HTTP, case by case."""

import json
from typing import Any

import httpx
import pytest

from tests.local.conftest import READ_ONLY_TOKEN, TOKEN

BASE64 = {"Upstash-Encoding": "base64"}
RESP2 = {"Upstash-Response-Format": "resp2"}


async def run(http: httpx.AsyncClient, *command: Any, headers: dict[str, str] | None = None) -> Any:
    return (await http.post("/", json=command, headers=headers)).json()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (["PING"], {"result": "PONG"}),
        (["ping"], {"result": "PONG"}),
        (["SET", "{key}", "v"], {"result": "OK"}),
        (["GET", "{key}-absent"], {"result": None}),
        (["INCR", "{key}"], {"result": 1}),
        (["EVAL", "return {1, false, 'a', {2, {}}}", 0], {"result": [1, None, "a", [2, []]]}),
        (["EVAL", "return redis.status_reply('FINE')", 0], {"result": "FINE"}),
        (["EVAL", "return 9007199254740993", 0], {"result": 9007199254740992}),
        (["INCRBY", "{key}", "9223372036854775807"], {"result": 9223372036854775807}),
        (["CONFIG", "SET", "notify-keyspace-events", ""], {"result": "OK"}),
        (["CLIENT", "SETINFO", "LIB-NAME", "test"], {"result": "OK"}),
        (["XREAD", "STREAMS", "BLOCK", "0"], {"result": None}),
        (["XREAD", "COUNT", 1, "STREAMS", "{key}", "0"], {"result": None}),
    ],
)
async def test_command_in_the_body(
    http: httpx.AsyncClient, key: str, command: list[Any], answer: object
) -> None:
    filled = [part.replace("{key}", key) if isinstance(part, str) else part for part in command]
    response = await http.post("/", json=filled)
    assert (response.status_code, response.json()) == (200, answer)
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("literal", "stored"),
    [
        ('"text"', "text"),
        ('""', ""),
        ("1", "1"),
        ("-0", "-0"),
        ("1.50", "1.50"),
        ("1e3", "1e3"),
        ("100000000000000000000001", "100000000000000000000001"),
        ("true", "true"),
        ("false", "false"),
        ("null", "null"),
        ('{"a": [1, "x"]}', '{"a": [1, "x"]}'),
        ("[1, [2]]", "[1, [2]]"),
        ('"a\\u0000b"', "a\x00b"),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\u00e4"', "ä"),
    ],
)
async def test_arguments_that_are_no_strings_become_their_json_text(
    http: httpx.AsyncClient, key: str, literal: str, stored: str
) -> None:
    for path, body in (
        ("/", f'["SET", "{key}", {literal} ]'),
        ("/pipeline", f'[["SET", "{key}", {literal} ]]'),
    ):
        await http.post("/", json=["DEL", key])
        assert (await http.post(path, content=body)).status_code == 200
        assert await run(http, "GET", key) == {"result": stored}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_command_in_the_path(http: httpx.AsyncClient, key: str, method: str) -> None:
    assert (await http.request(method, f"/set/{key}/a%2Fb%20c+d/EX/100")).json() == {"result": "OK"}
    assert (await http.request(method, f"/get/{key}")).json() == {"result": "a/b c+d"}
    assert 90 < (await http.request(method, f"/ttl/{key}")).json()["result"] <= 100


async def test_head_answers_without_a_body(http: httpx.AsyncClient, key: str) -> None:
    await run(http, "SET", key, "four")
    response = await http.head(f"/get/{key}")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len('{"result":"four"}'))


async def test_body_follows_the_path_and_the_query_follows_the_body(
    http: httpx.AsyncClient, key: str
) -> None:
    response = await http.post(f"/set/{key}?EX=100&NX", content=b"value with / and \n")
    assert response.json() == {"result": "OK"}
    assert await run(http, "GET", key) == {"result": "value with / and \n"}
    assert 90 < (await run(http, "TTL", key))["result"] <= 100
    assert (await http.post(f"/set/{key}?EX=100&NX", content=b"second")).json() == {"result": None}


async def test_the_query_is_decoded_and_keeps_its_order(http: httpx.AsyncClient, key: str) -> None:
    await http.post(f"/hset/{key}?a=1+2%2B3&b%20c=%26")
    assert await run(http, "HGETALL", key) == {"result": ["a", "1 2+3", "b c", "&"]}


async def test_an_empty_argument_in_the_path_stays_one(http: httpx.AsyncClient, key: str) -> None:
    assert (await http.get(f"/append/{key}/")).json() == {"result": 0}


async def test_binary_values_survive(http: httpx.AsyncClient, key: str) -> None:
    value = bytes(range(256))
    await http.post(f"/set/{key}", content=value)
    assert await run(http, "STRLEN", key) == {"result": 256}
    assert (await http.get(f"/get/{key}", headers=RESP2)).content == b"$256\r\n" + value + b"\r\n"
    plain = (await http.get(f"/get/{key}")).json()["result"]
    assert plain.startswith("\x00\x01")
    assert plain.endswith("�")


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ("return 'bar'", "YmFy"),
        ("return redis.status_reply('OK')", "OK"),
        ("return 'OK'", "OK"),
        ("return redis.status_reply('FINE')", "RklORQ=="),
        ("return {redis.status_reply('OK'), {'OK', 7, false}}", ["T0s=", ["T0s=", 7, None]]),
        ("return '\\255'", "/w=="),
        ("return ''", ""),
        ("return {'a', redis.error_reply('ERR inside')}", ["YQ==", "RVJSIGluc2lkZQ=="]),
    ],
)
async def test_base64_encodes_every_string_but_ok_at_the_top(
    http: httpx.AsyncClient, script: str, result: object
) -> None:
    assert await run(http, "EVAL", script, 0, headers=BASE64) == {"result": result}
    assert (await http.post("/pipeline", json=[["EVAL", script, 0]], headers=BASE64)).json() == [
        {"result": result}
    ]


async def test_an_error_inside_an_array_is_its_text(http: httpx.AsyncClient) -> None:
    assert await run(http, "EVAL", "return {redis.error_reply('ERR inside')}", 0) == {
        "result": ["ERR inside"]
    }


@pytest.mark.parametrize(
    ("command", "status", "raw"),
    [
        (["SET", "{key}", "x"], 200, b"+OK\r\n"),
        (
            ["EVAL", "return {1, 'a', redis.status_reply('S'), false}", 0],
            200,
            b"*4\r\n:1\r\n$1\r\na\r\n+S\r\n$-1\r\n",
        ),
        (["GET"], 400, b"-ERR wrong number of arguments for 'get' command\r\n"),
    ],
)
async def test_resp2_passes_the_reply_unchanged(
    http: httpx.AsyncClient, key: str, command: list[Any], status: int, raw: bytes
) -> None:
    response = await http.post(
        "/", json=[key if part == "{key}" else part for part in command], headers=RESP2
    )
    assert (response.status_code, response.content) == (status, raw)
    assert response.headers["content-type"] == "application/octet-stream"


async def test_resp2_in_a_pipeline_and_in_a_transaction(http: httpx.AsyncClient, key: str) -> None:
    rows = [["SET", key, "x"], ["BLPOP", key, 0], ["GET", key], ["CLIENT", "a\r\n+OK\r\n"]]
    raw = (await http.post("/pipeline", json=rows, headers=RESP2)).content
    lines = raw.split(b"\r\n")
    assert (lines[0], lines[2:4]) == (b"+OK", [b"$1", b"x"])
    assert lines[1].startswith(b"-ERR Command is not available: 'BLPOP'")
    assert lines[4].startswith(b"-ERR Command is not available: 'CLIENT A +OK'")
    assert len(lines) == 6
    transaction = await http.post("/multi-exec", json=[["GET", key]], headers=RESP2)
    assert transaction.json() == [{"result": "x"}]


@pytest.mark.parametrize("headers", [RESP2 | BASE64, {"Upstash-Response-Format": "resp3"}])
async def test_formats_that_do_not_exist_are_refused(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await http.post("/", json=["PING"], headers=headers)
    assert response.status_code == 400
    assert response.json()["error"].startswith("ERR ")


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["GET"], "ERR wrong number of arguments for 'get' command"),
        (["NOSUCH", "x"], "ERR unknown command 'NOSUCH', with args beginning with: 'x' "),
        (["EVALSHA", "0" * 40, 0], "NOSCRIPT No matching script."),
        (["EVAL", "return redis.error_reply('DTQ_PAUSED the queue')", 0], "DTQ_PAUSED the queue"),
    ],
)
async def test_errors_of_redis_pass_with_status_400(
    http: httpx.AsyncClient, command: list[Any], error: str
) -> None:
    response = await http.post("/", json=command)
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert response.json()["error"] == error


async def test_pipeline_answers_each_command_in_place(http: httpx.AsyncClient, key: str) -> None:
    rows = [
        ["SET", key, "x"],
        ["INCR", key],
        ["BLPOP", key, 0],
        ["NOSUCH"],
        ["APPEND", key, "y"],
        ["GET", key],
    ]
    response = await http.post("/pipeline", json=rows)
    answers = response.json()
    assert response.status_code == 200
    assert [next(iter(answer)) for answer in answers] == [
        "result",
        "error",
        "error",
        "error",
        "result",
        "result",
    ]
    assert answers[1] == {"error": "ERR value is not an integer or out of range"}
    assert answers[5] == {"result": "xy"}


async def test_pipeline_of_refused_commands_alone(http: httpx.AsyncClient) -> None:
    assert [list(a) for a in (await http.post("/pipeline", json=[["WATCH", "a"]])).json()] == [["error"]]


async def test_pipeline_of_ten_thousand_commands_keeps_its_order(http: httpx.AsyncClient) -> None:
    answers = (await http.post("/pipeline", json=[["ECHO", str(n)] for n in range(10_000)])).json()
    assert answers == [{"result": str(n)} for n in range(10_000)]


async def test_transaction_runs_all_even_if_one_fails(http: httpx.AsyncClient, key: str) -> None:
    response = await http.post("/multi-exec", json=[["SET", key, "x"], ["INCR", key], ["APPEND", key, "y"]])
    assert response.status_code == 200
    assert response.json() == [
        {"result": "OK"},
        {"error": "ERR value is not an integer or out of range"},
        {"result": 2},
    ]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (["NOSUCH"], "ERR unknown command 'NOSUCH'"),
        (["GET"], "ERR wrong number of arguments for 'get' command"),
        (["WATCH", "a"], "ERR Command is not available: 'WATCH'"),
        (["EXEC"], "ERR Command is not available: 'EXEC'"),
    ],
)
async def test_a_discarded_transaction_is_one_error_and_runs_nothing(
    http: httpx.AsyncClient, key: str, bad: list[str], error: str
) -> None:
    response = await http.post("/multi-exec", json=[["SET", key, "x"], bad])
    assert response.status_code == 400
    assert response.json()["error"].startswith(error)
    assert await run(http, "EXISTS", key) == {"result": 0}
    # The connection that carried the transaction is out of it.
    assert await run(http, "SET", key, "y") == {"result": "OK"}


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, "", 200),
        ({"Authorization": f"bearer {TOKEN}"}, "", 200),
        ({}, f"?_token={TOKEN}", 200),
        ({}, "", 401),
        ({}, "?_token=", 401),
        ({"Authorization": "Bearer"}, "", 401),
        ({"Authorization": "Bearer wrong"}, f"?_token={TOKEN}", 401),
        ({"Authorization": TOKEN}, "", 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, "", 401),
        ({"Authorization": "Bearer tök".encode()}, "", 401),
    ],
)
async def test_tokens(gateway_url: str, headers: dict[str, Any], query: str, status: int) -> None:
    async with httpx.AsyncClient(base_url=gateway_url, headers=headers) as client:
        for response in (
            await client.get(f"/ping{query}"),
            await client.post(f"/{query}", content='["PING"]'),
        ):
            assert response.status_code == status
            if status == 401:
                assert response.json() == {"error": "WRONGPASS invalid or missing auth token"}
            else:
                assert response.json() == {"result": "PONG"}


async def test_token_in_the_query_is_no_argument(gateway_url: str, key: str) -> None:
    async with httpx.AsyncClient(base_url=gateway_url) as client:
        assert (await client.get(f"/set/{key}/v?_token={TOKEN}&EX=100")).json() == {"result": "OK"}


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_405(http: httpx.AsyncClient, method: str) -> None:
    response = await http.request(method, "/ping")
    assert (response.status_code, list(response.json())) == (405, ["error"])


async def test_read_only_token_reads_and_nothing_else(
    gateway_url: str, http: httpx.AsyncClient, key: str
) -> None:
    await run(http, "SET", key, "v")
    headers = {"Authorization": f"Bearer {READ_ONLY_TOKEN}"}
    async with httpx.AsyncClient(base_url=gateway_url, headers=headers) as reader:
        assert (await reader.get(f"/get/{key}")).json() == {"result": "v"}
        denied_commands: list[list[Any]] = [
            ["SET", key, "w"],
            ["KEYS", "*"],
            ["EVAL", "return 1", 0],
            ["NOSUCH"],
        ]
        for denied in denied_commands:
            response = await reader.post("/", json=denied)
            text = f"NOPERM this user has no permissions to run the '{denied[0].lower()}' command or its subcommand"
            assert (response.status_code, response.json()) == (400, {"error": text})
        answers = (await reader.post("/pipeline", json=[["GET", key], ["DEL", key]])).json()
        assert [list(answer) for answer in answers] == [["result"], ["error"]]
        assert (await reader.post("/multi-exec", json=[["GET", key], ["DEL", key]])).status_code == 400
        assert (await reader.post("/monitor")).status_code == 400
    assert await run(http, "GET", key) == {"result": "v"}


@pytest.mark.parametrize(
    ("path", "body", "changes"),
    [
        ("/", ["SET", "{key}", "1"], True),
        ("/", ["EVAL", "return 1", 0], True),
        ("/", ["GET", "{key}"], False),
        ("/", ["EVAL_RO", "return 1", 0], False),
        ("/pipeline", [["GET", "{key}"], ["SET", "{key}", "1"]], True),
        ("/pipeline", [["GET", "{key}"], ["TTL", "{key}"]], False),
        ("/multi-exec", [["SET", "{key}", "1"]], True),
    ],
)
async def test_sync_token_changes_with_each_write(
    http: httpx.AsyncClient, key: str, path: str, body: list[Any], changes: bool
) -> None:
    filled = json.loads(json.dumps(body).replace("{key}", key))
    before = (await http.get("/ping")).headers["upstash-sync-token"]
    after = (await http.post(path, json=filled)).headers["upstash-sync-token"]
    assert (after != before) is changes
    assert (await http.get("/ping")).headers["upstash-sync-token"] == after


async def test_every_answer_carries_a_sync_token(http: httpx.AsyncClient) -> None:
    for response in (
        await http.get("/get"),
        await http.delete("/"),
        await http.get("/ping?_token=x", headers={}),
    ):
        assert response.headers["upstash-sync-token"]
