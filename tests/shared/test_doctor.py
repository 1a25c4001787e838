"""The doctor finds what is wrong, on real servers that are wrong, and says what to do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.doctor.database import Database
from shared.doctor.environment import check_names, targets_of
from shared.doctor.fleet import check_fleet
from shared.doctor.report import Finding, Verdict, as_text, is_healthy
from shared.models import TaskSubmission
from shared.queue import QueueOptions
from shared.scripts import script
from shared.scripts.build import FOLDER, names
from shared.settings import RestTarget, Settings, TcpTarget
from shared.transports import open_transport
from tests.conftest import QueueFactory
from tests.support.factories import registered, task
from tests.support.gateway import TOKEN, GatewayProcess
from tests.support.queues import NAMESPACE
from tests.support.server import Server, free_port

ROOT = Path(__file__).parents[2]


def doctor(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program itself, with these variables and no others."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-m", "shared.doctor", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


async def examined(target: RestTarget | TcpTarget) -> list[Finding]:
    transport = open_transport(target)
    findings = await Database(target, transport, QueueOptions(namespace=NAMESPACE)).check()
    await transport.close()
    return findings


def verdicts(findings: list[Finding], check: str) -> set[Verdict]:
    return {finding.verdict for finding in findings if finding.check == check}


def texts(findings: list[Finding]) -> str:
    return as_text(findings)


@pytest.fixture(scope="module")
def good() -> Iterator[Server]:
    """A server as one should run it."""
    running = Server("--appendonly", "yes", "--maxmemory", "64mb", "--maxmemory-policy", "noeviction")
    yield running
    running.stop()


# --- the program ------------------------------------------------------------------------------------------------


def test_a_good_deployment_is_healthy_and_left_as_it_was(good: Server) -> None:
    done = doctor(REDIS_URL=good.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This deployment is healthy" in done.stdout
    with redis.Redis.from_url(good.url) as client:
        assert client.dbsize() == 0


def test_json_is_for_programs(good: Server) -> None:
    done = doctor("--json", REDIS_URL=good.url)
    report = json.loads(done.stdout)
    assert report["healthy"] is True
    assert {"check": "eviction", "verdict": "ok", "found": "noeviction.", "fix": ""} in report["checks"]


def test_without_variables_it_names_them() -> None:
    done = doctor()
    assert done.returncode == 1
    assert "UPSTASH_REDIS_REST_URL: no Redis is configured" in done.stdout


def test_a_wrong_variable_is_named_and_nothing_is_asked() -> None:
    done = doctor(REDIS_URL="redis://127.0.0.1:1", RETENTION_SECONDS="soon")
    assert done.returncode == 1
    assert re.search(r"^fail +variables +RETENTION_SECONDS: ", done.stdout, re.MULTILINE)


def test_a_server_that_is_not_there(good: Server) -> None:
    done = doctor(REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "fix: Compare the URL with the database's page" in done.stdout


def test_both_ways_to_one_database(server: Server, gateway: GatewayProcess) -> None:
    rest = {"UPSTASH_REDIS_REST_URL": gateway.url, "UPSTASH_REDIS_REST_TOKEN": TOKEN}
    assert "REST and TCP lead to the same database" in doctor(REDIS_URL=server.url, **rest).stdout


def test_both_ways_to_two_databases(good: Server, gateway: GatewayProcess) -> None:
    rest = {"KV_REST_API_URL": gateway.url, "KV_REST_API_TOKEN": TOKEN}
    done = doctor(REDIS_URL=good.url, **rest)
    assert done.returncode == 1
    assert "REST and TCP lead to different databases: no worker sees the tasks." in done.stdout


# --- variables --------------------------------------------------------------------------------------------------


def test_a_name_that_nothing_reads_is_told_when_one_is_meant() -> None:
    told = list(check_names({"UPSTASH_REDIS_REST_TOKE": "t", "KV_URL": "x", "REDIS_HOST": "y", "PATH": ""}))
    assert [finding.fix for finding in told] == ["Set UPSTASH_REDIS_REST_TOKEN."]
    assert not list(check_names({"REDIS_URL": "x", "DTQ_NAMESPACE": "y"}))


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("redis://x.upstash.io:6379", Verdict.FAIL),
        ("rediss://x.upstash.io:6379", None),
        ("redis://db.example.com:6379", Verdict.WARN),
        ("redis://10.0.0.7:6379", None),
        ("redis://redis:6379", None),
        ("http://redis:6379", Verdict.FAIL),
    ],
)
def test_an_address_is_judged(url: str, verdict: Verdict | None) -> None:
    _, findings = targets_of(Settings(redis_url=url))
    assert [f.verdict for f in findings if f.verdict is not Verdict.UNKNOWN] == ([verdict] if verdict else [])


def test_a_missing_token_is_told() -> None:
    targets, findings = targets_of(Settings(kv_rest_api_url="https://x.example.org"))
    assert targets == []
    assert "KV_REST_API_TOKEN: is missing" in texts(findings)


# --- servers that are wrong -------------------------------------------------------------------------------------


async def test_a_server_that_evicts_persists_nothing_and_has_no_limit() -> None:
    wrong = Server("--maxmemory-policy", "allkeys-lru")
    try:
        findings = await examined(TcpTarget(wrong.url))
    finally:
        wrong.stop()
    assert verdicts(findings, "eviction") == {Verdict.FAIL}
    assert verdicts(findings, "persistence") == {Verdict.FAIL}
    assert verdicts(findings, "memory") == {Verdict.WARN}
    assert verdicts(findings, "scripts") == {Verdict.OK}
    assert "tasks vanish when memory is full" in texts(findings)


async def test_a_server_that_has_evicted_and_is_full() -> None:
    wrong = Server("--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru")
    try:
        with redis.Redis.from_url(wrong.url) as client:
            for number in range(4000):
                client.set(f"k{number}", "x" * 1000)
        findings = await examined(TcpTarget(wrong.url))
    finally:
        wrong.stop()
    assert "keys were evicted since the server's start" in texts(findings)
    assert verdicts(findings, "memory") == {Verdict.WARN}


async def test_a_server_without_memory_left_is_told_by_the_first_write() -> None:
    full = Server("--maxmemory", "100kb", "--maxmemory-policy", "noeviction")
    try:
        findings = await examined(TcpTarget(full.url))
    finally:
        full.stop()
    assert verdicts(findings, "scripts") == {Verdict.FAIL}
    assert "fix: Shorten RETENTION_SECONDS" in texts(findings)


@pytest.mark.parametrize("command", ["ZMSCORE", "GETRANGE", "MSETNX", "XREVRANGE"])
async def test_a_command_that_a_server_lacks_is_found_and_nothing_is_left(command: str) -> None:
    lacking = Server("--rename-command", command, "")
    try:
        findings = [f for f in await examined(TcpTarget(lacking.url)) if f.check == "scripts"]
        with redis.Redis.from_url(lacking.url) as client:
            assert client.dbsize() == 0
    finally:
        lacking.stop()
    steps = re.findall(r"  \{'([^']+)', function\(\)\n(.*?)\n  end\}", script("probe").body, re.DOTALL)
    assert {finding.found.partition(": ")[0] for finding in findings} == {
        name for name, body in steps if f"call('{command}'" in body
    }
    assert {finding.verdict for finding in findings} == {Verdict.FAIL}
    assert all("nknown" in finding.found for finding in findings)


async def test_a_user_who_may_not_write(good: Server) -> None:
    with redis.Redis.from_url(good.url) as client:
        client.execute_command(
            "ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@read", "+@connection", "+time"
        )
    url = good.url.replace("redis://", "redis://reader:pw@")
    findings = await examined(TcpTarget(url))
    assert verdicts(findings, "scripts") == {Verdict.FAIL}
    assert "NOPERM" in texts(findings)
    assert verdicts(findings, "eviction") == {Verdict.UNKNOWN}, "INFO is not allowed, and that is told"


async def test_rest_tells_the_same_as_tcp(good: Server) -> None:
    gateway = GatewayProcess(good.url)
    try:
        findings = await examined(RestTarget(gateway.url, TOKEN))
    finally:
        gateway.stop()
    assert is_healthy(findings), texts(findings)
    assert verdicts(findings, "persistence") == {Verdict.OK}


class Answering:
    """A transport whose server answers what a test wants."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    async def command(self, *words: str) -> Any:
        return self.answers.get(words[0], "PONG")

    async def run(self, *_: Any) -> Any:
        answer = self.answers["EVAL"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None: ...


async def _answered(**answers: Any) -> list[Finding]:
    target = RestTarget("https://x.upstash.io", "t")
    server = Answering(**{"EVAL": [1, [], []], "TIME": ["1", "0"], **answers})
    return await Database(target, server, QueueOptions()).check()


async def test_a_clock_that_is_wrong() -> None:
    findings = await _answered()
    assert verdicts(findings, "clock") == {Verdict.WARN}
    assert "behind this machine's" in texts(findings)


async def test_a_server_that_answers_otherwise_and_swallows_errors() -> None:
    findings = await _answered(EVAL=[1, ["cjson"], ["cjson"]])
    assert "it answers otherwise than Redis to: cjson." in texts(findings)
    findings = await _answered()
    assert "error replies of scripts do not arrive as they are" in texts(findings)


async def test_a_replica_and_a_full_house() -> None:
    info = "role:slave\r\nconnected_clients:95\r\nmaxclients:100\r\nredis_version:7.2\r\naof_enabled:1\r\naof_last_write_status:err\r\n"
    findings = await _answered(INFO=info)
    assert "is a replica, which refuses writes" in texts(findings)
    assert verdicts(findings, "connections") == {Verdict.WARN}
    assert "the last write of the append-only file ended in err" in texts(findings)


async def test_what_upstash_does_not_tell_is_said_to_be_unknown() -> None:
    findings = await _answered(INFO="# Server\r\nupstash_version:1.17.1\r\nredis_version:8.2.0\r\n")
    assert verdicts(findings, "eviction") == verdicts(findings, "persistence") == {Verdict.UNKNOWN}


# --- workers ----------------------------------------------------------------------------------------------------


@pytest.fixture
def fleet(tcp_queues: QueueFactory) -> Any:
    return tcp_queues()


async def test_no_worker_is_told(fleet: Any) -> None:
    assert "none lives in the namespace test" in texts(await check_fleet(fleet, is_billed=False))


async def test_workers_that_know_the_same(fleet: Any) -> None:
    for _ in range(2):
        await registered(fleet)
    findings = await check_fleet(fleet, is_billed=True)
    assert {finding.verdict for finding in findings} == {Verdict.OK, Verdict.UNKNOWN}
    assert "2 in the namespace test, 20 slots" in texts(findings)
    assert "idle, 2 workers make up to 189,800 billed commands a month" in texts(findings)


async def test_an_upgrade_that_was_not_finished(fleet: Any) -> None:
    await registered(fleet, types=("noop",))
    await registered(fleet, types=("noop", "new"))
    told = texts(await check_fleet(fleet, is_billed=False))
    assert "not every worker of default knows: new." in told


async def test_tasks_that_wait_for_nobody(fleet: Any) -> None:
    await registered(fleet, "default")
    await fleet.submit([task(queue="mails"), TaskSubmission(task_type="alien", payload={})])
    told = texts(await check_fleet(fleet, is_billed=False))
    assert "1 tasks wait in mails, which no live worker serves" in told
    assert "fix: Start a worker with --queues mails." in told
    assert "tasks of type alien wait in default, whose workers do not know it" in told


async def test_a_paused_queue(fleet: Any) -> None:
    await registered(fleet)
    await fleet.submit([task()])
    await fleet.pause("default", by="test")
    assert "1 tasks wait in default, which is paused" in texts(await check_fleet(fleet, is_billed=False))


# --- the probe --------------------------------------------------------------------------------------------------


def test_the_probe_uses_every_command_that_the_scripts_use() -> None:
    """A script that begins to use another command must find it in `probe.lua`."""
    used = {
        command
        for path in FOLDER.rglob("*.lua")
        if path.name != "probe.lua"
        for command in re.findall(r"call(?:_variadic|_multi)?\('([A-Z]+)'", path.read_text("utf-8"))
    }
    probed = set(re.findall(r"call\('([A-Z]+)'", (FOLDER / "probe.lua").read_text("utf-8")))
    assert used - probed == set()
    assert len(used) > 20


def test_the_probe_uses_every_function_of_lua_that_the_scripts_use() -> None:
    pattern = r"\b(?:string|table|math|cjson)\.[a-z]+"
    used = {found for name in names() if name != "probe" for found in re.findall(pattern, script(name).body)}
    assert used - set(re.findall(pattern, script("probe").body)) == set()
