"""The child process when its parent is gone."""

from __future__ import annotations

import subprocess
import sys

from worker_host.runners.wire import Request, pack


def test_who_answers_a_killed_parent_ends_without_a_word() -> None:
    command = [sys.executable, "-m", "worker_host.runners.child", "0", "tests.support.handlers"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        child.stdout.close()
        child.stdin.write(pack(Request("process", "{}", "an id", "default", 1, 0)))
        child.stdin.flush()
        assert child.wait(20) == 0
        assert b"Traceback" not in child.stderr.read()
