"""The API as an AWS Lambda function: events of an HTTP API (payload 2.0) and of a function URL."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.queues import NAMESPACE
from tests.support.server import Server

ROOT = Path(__file__).parents[2]
KEY = "dtq_key-of-the-lambda-tests"
#: One process, as of one warm instance: every event of a test in turn, each answer a line.
LOOP = "import json, sys\nfrom api.aws_lambda import handler\nfor line in sys.stdin: print(json.dumps(handler(json.loads(line), None)))"


def event(
    method: str, path: str, *, query: str = "", body: str | None = None, **headers: str
) -> dict[str, Any]:
    """As an HTTP API sends it; a function URL sends the same payload with a domain of its own."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "x.execute-api.eu-central-1.amazonaws.com", **headers},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "x",
            "domainName": "x.execute-api.eu-central-1.amazonaws.com",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9"},
            "requestId": "id",
            "stage": "$default",
        },
        **({"body": body} if body is not None else {}),
        "isBase64Encoded": False,
    }


def of_function_url(http_api: dict[str, Any]) -> dict[str, Any]:
    """The same request to a function URL: bodies are in base64, authorization is its own."""
    domain = "x.lambda-url.eu-central-1.on.aws"
    context = {**http_api["requestContext"], "domainName": domain, "authorizer": {"iam": None}}
    changed = {**http_api, "requestContext": context, "headers": {**http_api["headers"], "host": domain}}
    if "body" in http_api:
        changed |= {"body": base64.b64encode(http_api["body"].encode()).decode(), "isBase64Encoded": True}
    return changed


def ask(*events: dict[str, Any], **variables: str) -> list[dict[str, Any]]:
    """Answers of one instance."""
    done = subprocess.run(
        [sys.executable, "-c", LOOP],
        input="\n".join(json.dumps(one) for one in events),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LOG_REQUESTS": "0", **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=["tcp", "rest"])
def variables(request: pytest.FixtureRequest, store: redis.Redis, server: Server) -> dict[str, str]:
    """Settings of the function, over either transport."""
    keys = {
        "API_KEYS": f"lambda:admin:{hashlib.sha256(KEY.encode()).hexdigest()}",
        "DTQ_NAMESPACE": NAMESPACE,
    }
    if request.param == "tcp":
        return {**keys, "REDIS_URL": server.url}
    gateway: GatewayProcess = request.getfixturevalue("gateway")
    return {**keys, "UPSTASH_REDIS_REST_URL": gateway.url, "UPSTASH_REDIS_REST_TOKEN": TOKEN}


@pytest.mark.parametrize("shape", [dict, of_function_url], ids=["http-api", "function-url"])
def test_tasks_are_submitted_and_read_by_one_instance(variables: dict[str, str], shape: Any) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    body = json.dumps({"task_type": "email", "payload": {"to": "ada@example.org", "n": 2**60, "text": "ä"}})
    submits = [shape(event("POST", "/api/tasks", body=body, **headers)) for _ in range(3)]
    listing = shape(event("GET", "/api/tasks", query="status=pending&limit=2", **headers))
    *submitted, listed = ask(*submits, listing, **variables)
    assert [answer["statusCode"] for answer in submitted] == [202] * 3
    assert submitted[0]["headers"]["location"] == f"/api/tasks/{json.loads(submitted[0]['body'])['id']}"
    assert listed["isBase64Encoded"] is False
    page = json.loads(listed["body"])
    assert [task["id"] for task in page["tasks"]] == [json.loads(one["body"])["id"] for one in submitted[:2]]
    assert page["tasks"][0]["payload"] == {"to": "ada@example.org", "n": 2**60, "text": "ä"}
    assert page["next_cursor"]


@pytest.mark.parametrize("shape", [dict, of_function_url], ids=["http-api", "function-url"])
def test_problems_arrive_as_problems(variables: dict[str, str], shape: Any) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    answers = ask(
        shape(event("GET", "/api/tasks")),
        shape(event("POST", "/api/tasks", body='{"task_type": "email"', **headers)),
        shape(event("GET", "/api/nothing", **headers)),
        **variables,
    )
    assert [answer["statusCode"] for answer in answers] == [401, 400, 404]
    assert {answer["headers"]["content-type"] for answer in answers} == {"application/problem+json"}
    assert [json.loads(answer["body"])["status"] for answer in answers] == [401, 400, 404]


def test_a_caller_of_lambda_is_never_local(store: redis.Redis, server: Server) -> None:
    """Without keys only this machine is served, and nobody reaches a function from there."""
    [answer] = ask(event("GET", "/api/tasks", host="localhost"), REDIS_URL=server.url)
    assert answer["statusCode"] == 403
    assert "API_KEYS" in json.loads(answer["body"])["detail"]


def test_without_variables_it_names_them() -> None:
    alive, refused = ask(event("GET", "/api/health"), event("GET", "/api/ready"))
    assert alive["statusCode"] == 200
    assert refused["statusCode"] == 503
    assert "UPSTASH_REDIS_REST_URL" in refused["body"]
