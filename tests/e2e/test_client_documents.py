"""docs/CLIENTS.md, llms.txt and what the README says of clients: every example is run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from shared.cli.parser import parse
from tests.client.conftest import http_api  # noqa: F401  # a fixture
from tests.support.http_api import HttpApi
from tests.support.workers import ROOT, WorkerProcess
from tests.testing.test_plugin import Project, passed

CLIENTS = (ROOT / "docs/CLIENTS.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
LLMS = (ROOT / "llms.txt").read_text("utf-8")


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
async def worker(server, tmp_path):
    """With the handlers that `make up` has."""
    running = await WorkerProcess(
        server.url, handlers="local.my_handlers", DTQ_NAMESPACE="test", OUTBOX_DIR=str(tmp_path / "outbox")
    ).ready()
    yield running
    running.stop()


def python(code: str, api: HttpApi) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={"DTQ_URL": api.url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_the_examples_in_python_run(http_api, worker):  # noqa: F811
    first, several, refused = blocks(CLIENTS, "python")
    assert python(first, http_api) == "completed outbox\n"
    lines = python(several, http_api).splitlines()
    assert lines[:3] == ["completed"] * 3
    assert len(lines) == 3 + 4
    assert python(refused, http_api) == "priority | Send an integer from 1 to 10; 10 is claimed first.\n"


async def test_the_examples_of_the_command_line_run(http_api, worker):  # noqa: F811
    commands = [
        line for block in blocks(CLIENTS, "sh") for line in block.splitlines() if line.startswith("dtq ")
    ]
    assert len(commands) == 5
    for command in commands:
        words = shlex.split(command)[1:]
        code = f"import sys; from shared.cli.__main__ import main; sys.exit(main({words!r}))"
        assert python(code, http_api)


def test_every_command_of_the_table_is_one(capsys):
    table = CLIENTS.split("| command | |")[1].split("\n\n")[0]
    shown = re.findall(r"`dtq ([^`]+)`", table)
    for command in shown:
        parse(["x" if word.isupper() else word for word in command.split()])
    with pytest.raises(SystemExit):
        parse(["--help"])
    offered = re.findall(r"^    ([a-z-]+)", capsys.readouterr().out, re.MULTILINE)
    assert {command.split()[0] for command in shown} == set(offered)


async def test_the_readme_in_python_runs(http_api, worker):  # noqa: F811
    section = README.split("## From your app")[1]
    (code,) = blocks(section, "python")
    assert python(code, http_api) == "{'greeting': 'Hello, Ada'}\n"


def test_the_handler_of_the_readme_runs(tmp_path):
    (code,) = blocks(README.split("## Your own handlers")[1].split("## From your app")[0], "python")
    project = Project(tmp_path)
    project.write(
        "my_app/handlers.py",
        code + "\n\nasync def charge(payload, idempotency):\n    return f'no-{len(idempotency)}'\n",
    )
    test = """
async def test_invoices(queue):
    queue.submit("invoice.send", {"customer": "Ada", "cents": 100})
    queue.submit("invoice.send", {"customer": "Ada", "cents": 0})
    sent, refused = await queue.drain()
    assert sent.result == {"number": "no-27"}
    assert (refused.status, refused.attempt, refused.error.message) == ("dead", 1, "nothing to charge")
"""
    assert passed(project.test(test), 1)


def test_every_link_leads_to_a_file():
    for text, folder in ((LLMS, ROOT), (README, ROOT), (CLIENTS, ROOT / "docs")):
        links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
        assert links
        for link in links:
            if "://" not in link:
                assert (folder / link).exists(), link


def test_llms_txt_has_the_form_that_readers_expect():
    assert LLMS.startswith("# dtq\n\n> ")
    sections = re.findall(r"^## (.*)$", LLMS, re.MULTILINE)
    assert sections == ["Start", "Use", "Optional"]
    listed = {Path(link).name for link in re.findall(r"\]\(([^)]+)\)", LLMS)}
    documents = {path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".json")}
    assert documents <= listed, f"list them in llms.txt: {sorted(documents - listed)}"
