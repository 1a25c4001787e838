"""A newcomer follows README.md: an empty folder, no cache of pip or npm, the printed commands; run by `.ci/run`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import guide
from tests.deploy.test_documents import run_local
from tests.support.waiting import wait_until

#: Everything is downloaded.
pytestmark = pytest.mark.timeout(600)
#: What makes a newcomer stop and wonder.
FRIGHTENING = re.compile(r"warn|deprecat|vulnerab|notice|error|fatal|traceback|not found", re.IGNORECASE)


class FirstRun:
    """The commands of the README's first block, typed into a shell."""

    def __init__(self, folder: Path) -> None:
        [first] = guide.commands("newcomer", guide.README)
        home = folder / "home"
        home.mkdir()
        # What is cloned is a folder here, and may be another user's; a newcomer has an address.
        (home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
        hidden = {"XDG_CACHE_HOME", "PIP_CACHE_DIR", "PIP_FIND_LINKS", "VIRTUAL_ENV", "PYTHONPATH", "CI"}
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        self.environment = {**kept, "HOME": str(home)}
        self._log = folder / "printed"
        self.checkout = folder / "dtq"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                ["bash", "-euc", first.script.replace("<this repository>", str(guide.ROOT))],
                cwd=folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    @property
    def printed(self) -> str:
        return self._log.read_text("utf-8")

    def stop(self) -> int:
        """Ctrl-C, as the terminal sends it to all; the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture
def first_run(tmp_path: Path) -> Iterator[FirstRun]:
    running = FirstRun(tmp_path)
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


async def test_two_commands_lead_to_what_the_readme_shows(first_run: FirstRun, tmp_path: Path) -> None:
    began = time.monotonic()

    def banner() -> re.Match[str] | None:
        assert first_run.process.poll() is None, first_run.printed
        return re.search(r"Dashboard +(http://\S+)", first_run.printed)

    found = await wait_until(banner, describe="the banner", timeout_s=500, pause_s=0.5)
    await wait_until(lambda: "worker ready" in first_run.printed, describe="the worker is ready")
    before = first_run.printed
    print(f"\nfrom the clone to the banner: {time.monotonic() - began:.0f} s\n{before}")
    assert not FRIGHTENING.search(before), FRIGHTENING.search(before)
    text = guide.text_of(guide.README)
    [shown] = re.findall(r"^```\n( *dtq is ready.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert _without_numbers(shown) in _without_numbers(before), before

    run_local(guide.README, found[1], lambda: first_run.printed, tmp_path, first_run.checkout)
    first_run.stop()
    assert "Traceback" not in first_run.printed, first_run.printed

    # The deployment guide as far as no account is needed, in the same fresh copy.
    judged = subprocess.run(
        [first_run.checkout / ".venv" / "bin" / "python", "-m", "pytest", "-q", "tests/deploy/test_guide.py"],
        cwd=first_run.checkout, env=first_run.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(judged.stdout[-300:])
    assert judged.returncode == 0, judged.stdout + judged.stderr


def _without_numbers(banner: str) -> str:
    return re.sub(r"[\d.]+(?= s\))|(?<=:)\d+", "N", banner).strip()
