"""Commands inside the text of the guides: each is one that exists, or one of a list that says where it is tried."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from shared.cli.__main__ import main as run_cli
from tests.deploy import guide

_PROGRAMS = (
    r"make|python3?|\.venv/bin/\w+|\.ci/\w+|dtq|docker(-compose)?|curl|npx|npm|node|vercel|git|pip|uv|openssl|"
    r"systemctl|systemd-analyze|journalctl|redis-cli|valkey-cli|sh|bash|pytest|kill|chmod|chown|celery"
)
_COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:{_PROGRAMS})(?: .+)?")
#: Where those are tried that no program here can judge by itself.
ELSEWHERE = {
    "docker build -f Dockerfile.worker -t dtq-worker .": "the block of the same words, by the image's tests",
    "docker run …": "the block that it leads to, by the image's tests",
    "docker logs dtq-worker": "the block of the same words, by the image's tests",
    "docker stop dtq-worker && docker rm dtq-worker": "a stop of the container, by the image's tests",
    "docker ps": "the check of health, by the compose stack's tests",
    "docker compose up --build --detach": "the block of the same words, by the compose stack's tests",
    "docker compose up --detach --scale worker=3": "a second worker, by the compose stack's tests",
    "HANDLERS_DIR=./my_app HANDLERS=handlers.mine docker compose up …": "variables, by the compose stack's tests",
    "npx vercel env add API_KEYS production": "needs an account",
    "npx vercel env ls": "needs an account",
    "git push": "needs an account",
    "git pull && make install": "on a server of one's own",
    "git pull": "on a server of one's own",
    "git archive": "names what `.ci/vercel.sh` runs",
    "systemctl reload dtq-worker": "on a server of one's own",
    "systemctl stop dtq-worker": "on a server of one's own",
    "systemd-analyze security": "by the unit's tests",
    "kill -9": "by the tests of a worker's life",
    "chmod 600 worker.env": "of the system",
    "chmod -R o+rX handlers": "of the system",
    "chown 10001:10001": "of the system",
    "openssl rand -hex 16": "of the system",
    "celery inspect scheduled": "of another queue",
}


def _inline(document: str) -> Iterator[str]:
    """Commands between backticks, blocks left out; what a line break divides is one."""
    text = re.sub(r"^ *```.*?^ *```$", "", guide.text_of(document), flags=re.MULTILINE | re.DOTALL)
    for words in re.findall(r"`([^`]+)`", text):
        command = " ".join(words.split())
        if _COMMAND.fullmatch(command) and (" " in command or command in ("make", ".ci/run")):
            yield command


FOUND = sorted({command for document in guide.DOCUMENTS for command in _inline(document)})


@pytest.mark.parametrize("command", FOUND)
def test_it_exists(command: str) -> None:
    if command not in ELSEWHERE:
        _judge(command)


def _judge(command: str) -> None:
    """Fail for a target, module, program's command or option that is not there."""
    program, *rest = command.split()
    if program == "make":
        done = subprocess.run(
            ["make", "-n", *rest], cwd=guide.ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    elif program.endswith("python") and rest[0] == "-m":
        done = subprocess.run(
            [sys.executable, "-m", rest[1], "--help"],
            cwd=guide.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert set(re.findall(r"--[a-z-]+", command)) <= set(re.findall(r"--[a-z-]+", done.stdout))
    elif program == "dtq":
        words = shlex.split(command)[1:]
        with contextlib.redirect_stdout(io.StringIO()) as told, pytest.raises(SystemExit) as ended:
            run_cli([words[0], "--help"])
        assert ended.value.code == 0
        assert set(re.findall(r"--[a-z-]+", command)) <= set(re.findall(r"--[a-z-]+", told.getvalue()))
    else:
        assert program.startswith(".ci/"), (
            f"{command}: is not run by a test, and not in the list of what is tried elsewhere"
        )
        assert (guide.ROOT / program).is_file()


def test_the_list_names_nothing_that_is_gone() -> None:
    assert set(ELSEWHERE) <= set(FOUND)


@pytest.mark.parametrize(
    "command",
    [
        "make nothing",
        "python -m shared.nothing",
        "python -m shared.doctor --loudly",
        "dtq nothing",
        "npx vercel nothing",
    ],
)
def test_the_judgement_can_fail(command: str) -> None:
    assert _COMMAND.fullmatch(command)
    assert command not in ELSEWHERE
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        _judge(command)
