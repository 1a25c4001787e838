"""Every command of `dtq`, against the API behind a real socket."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from shared.cli.__main__ import main
from shared.client import Client
from shared.models import ScheduleSpec, TaskSubmission
from tests.client.conftest import http_api  # noqa: F401  # a fixture
from tests.support.workers import ROOT, WorkerProcess


class Terminal:
    """Runs commands in this process; what they print is read back."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command says on both streams."""
        assert main(arguments) == code, self._capsys.readouterr()
        out, err = self._capsys.readouterr()
        return out + err

    def json(self, *arguments: str, code: int = 0):
        """What a command says as JSON: one document and nothing else."""
        return json.loads(self.run(*arguments, "--json", code=code))


@pytest.fixture
def dtq(http_api, monkeypatch, capsys) -> Terminal:  # noqa: F811
    monkeypatch.setenv("DTQ_URL", http_api.url)
    monkeypatch.setenv("COLUMNS", "200")
    return Terminal(capsys)


@pytest.fixture
async def worker(server):
    running = await WorkerProcess(server.url, DTQ_NAMESPACE="test").ready()
    yield running
    running.stop()


def test_submit_get_list(dtq):
    task = dtq.json(
        "submit", "noop", '{"n": 1}', "--priority", "9", "--delay", "60", "--idempotency-key", "k"
    )
    assert task["status"] == "scheduled"
    stored = dtq.json("get", task["id"])
    assert (stored["payload"], stored["priority"]) == ({"n": 1}, 9)
    shown = dtq.run("get", task["id"])
    assert "scheduled" in shown
    assert '"n": 1' in shown
    assert [item["id"] for item in dtq.json("list", "--status", "scheduled")] == [task["id"]]
    assert task["id"] in dtq.run("list")
    assert dtq.run("list", "--queue", "other") == "no tasks\n"
    assert "is pending" in dtq.run("run-now", task["id"])
    assert dtq.json("cancel", task["id"]) == {"id": task["id"], "status": "cancelled"}


def test_a_limit_is_kept(dtq, http_api):  # noqa: F811
    with Client() as client:
        client.submit_many([{"task_type": "noop", "payload": {}} for _ in range(7)])
    assert len(dtq.json("list", "--limit", "3")) == 3


def test_the_payload_may_come_by_stdin(dtq, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"text": "from a pipe"}'))
    task = dtq.json("submit", "noop", "-")
    assert dtq.json("get", task["id"])["payload"] == {"text": "from a pipe"}


@pytest.mark.parametrize("payload", ["{", "3", "[]"])
def test_a_payload_that_is_no_object_is_refused(dtq, payload):
    assert "payload: " in dtq.run("submit", "noop", payload, code=2)


async def test_waiting_shows_the_end_and_says_it_by_the_exit_code(dtq, worker):
    ended = dtq.json("submit", "echo", '{"n": 1}', "--wait", "30")
    assert (ended["status"], ended["result"]["attempt"]) == ("completed", 1)
    assert "completed" in dtq.run("get", ended["id"], "--wait")
    dead = dtq.json("submit", "raise", '{"kind": "reject"}', "--wait", "30", code=1)
    assert dead["status"] == "dead"
    assert "never again" in dtq.run("get", dead["id"])


async def test_a_wait_that_is_over_shows_how_the_task_stands(dtq):
    assert dtq.json("submit", "noop", "{}", "--delay", "60", "--wait", "0.1", code=1)["status"] == "scheduled"


async def test_dead_letters(dtq, worker):
    with Client() as client:
        tasks = client.submit_many([{"task_type": "raise", "payload": {"kind": "reject"}} for _ in range(3)])
        for task in tasks:
            client.wait(task.id, timeout_s=30)
    assert len(dtq.json("dead-letters", "list", "--type", "raise")) == 3
    (group,) = dtq.json("dead-letters", "groups")
    assert group["count"] == 3
    assert group["fingerprint"] in dtq.run("dead-letters", "groups")
    assert "1 to 2" not in dtq.run("dead-letters", "list")
    assert (
        dtq.json("dead-letters", "requeue", tasks[0].id, "--payload", '{"kind": "reject", "n": 1}')["status"]
        == "pending"
    )
    worker.stop()
    assert dtq.json("dead-letters", "requeue", group["fingerprint"])["requeued"] >= 2
    assert "--payload: is for one task" in dtq.run(
        "dead-letters", "requeue", "group", "--payload", "{}", code=2
    )


def test_schedules(dtq):
    with Client() as client:
        for name, timing in (("report", {"cron": "0 9 * * *"}), ("ping", {"interval_seconds": 60.0})):
            client.put_schedule(
                name, ScheduleSpec(task=TaskSubmission(task_type="noop", payload={}), **timing)
            )
    shown = dtq.run("schedules", "list")
    assert "0 9 * * * UTC" in shown
    assert "every 60 s" in shown
    dtq.run("schedules", "pause", "report", "--reason", "holidays")
    assert {one["id"]: one["paused"] for one in dtq.json("schedules", "list")} == {
        "ping": None,
        "report": "holidays",
    }
    dtq.run("schedules", "resume", "report")
    task_id = dtq.json("schedules", "run", "ping")["id"]
    assert dtq.json("get", task_id)["task_type"] == "noop"
    for name in ("report", "ping"):
        dtq.run("schedules", "delete", name)
    assert dtq.run("schedules", "list") == "no schedules\n"


def test_queues(dtq):
    dtq.json("submit", "noop", "{}", "--queue", "mail")
    dtq.run("queues", "pause", "mail", "--reason", "moving")
    assert "paused by local: moving" in dtq.run("queues", "list")
    dtq.run("queues", "resume", "mail")
    assert [(one["name"], one["pending"], one["paused"]) for one in dtq.json("queues", "list")] == [
        ("mail", 1, None)
    ]


async def test_workers(dtq, worker):
    (one,) = dtq.json("workers")
    assert one["name"] in dtq.run("workers")


def test_what_the_api_refuses_is_said_with_its_request(dtq):
    said = dtq.run("submit", "noop", "{}", "--priority", "11", code=1)
    assert "priority: must be less than or equal to 10" in said
    assert "request " in said
    error = dtq.json("get", "0" * 27, code=1)
    assert (error["status"], error["slug"]) == (404, "not-found")


def test_a_missing_address_is_named(monkeypatch, capsys):
    monkeypatch.delenv("DTQ_URL", raising=False)
    assert main(["workers"]) == 2
    assert "DTQ_URL: is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "out", "err"),
    [
        (["--json"], 0, "[]\n", ""),
        ([], 2, "", "dtq: tables need the package rich: pip install 'dtq[cli]', or add --json.\n"),
    ],
)
def test_without_rich_there_is_json(http_api, more, code, out, err):  # noqa: F811
    start = "import sys; sys.modules['rich'] = None; from shared.cli.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", start, "queues", "list", "--url", http_api.url, *more],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


@pytest.mark.parametrize(
    "words", [["--json", "queues", "list"], ["queues", "--json", "list"], ["queues", "list", "--json"]]
)
def test_json_may_stand_anywhere(words, http_api, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setenv("DTQ_URL", "http://127.0.0.1:9")
    assert main(["--url", http_api.url, *words]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_every_command_explains_itself(capsys):
    for words in ([], ["submit"], ["dead-letters"], ["dead-letters", "requeue"], ["schedules"], ["queues"]):
        with pytest.raises(SystemExit) as end:
            main([*words, "--help"])
        assert end.value.code == 0
        assert "usage: dtq" in capsys.readouterr().out


def test_the_doctor_looks_at_redis_itself(store, server, monkeypatch, capsys):
    for name in ("DTQ_URL", "UPSTASH_REDIS_REST_URL", "KV_REST_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DTQ_NAMESPACE", "test")
    monkeypatch.setenv("REDIS_URL", server.url)
    assert main(["doctor", "--json"]) == 1  # the server of the tests keeps nothing
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [one["check"] for one in checks if one["verdict"] == "fail"] == ["persistence"]
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    assert main(["doctor"]) == 1
    assert "127.0.0.1:9" in capsys.readouterr().out
