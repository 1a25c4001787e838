"""The other guides are true, too: every command says how it is tried, and is; every file and test that they name exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.deploy import guide
from tests.support.local_run import LocalRun
from tests.support.server import free_port

pytestmark = pytest.mark.timeout(180)
ROOT = guide.ROOT
#: Where the guides say that the product is; here another port may be free.
ADDRESS = "http://127.0.0.1:8000"
_PATH = re.compile(
    r"`((?:api|shared|worker_host|local|tests|deploy|docs|frontend|tools|examples|\.ci)/[\w./<>*-]+)`"
)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("document", guide.DOCUMENTS)
def test_every_command_says_how_it_is_tried(document: str) -> None:
    found = list(guide.all_commands(document))
    blocks = re.findall(r"^ *```(?:sh|bash|shell|console)\b", guide.text_of(document), re.MULTILINE)
    assert len(found) == len(blocks), "a block that is not read: indented, or of another language"
    for command in found:
        ways = command.marks & guide.WAYS
        assert len(ways) == 1, f"{document}: {command.script}"


@pytest.mark.parametrize("document", guide.DOCUMENTS)
def test_the_files_that_it_names_exist(document: str) -> None:
    text = guide.text_of(document)
    folder = (ROOT / document).parent
    for target in re.findall(r"\]\(([^)#: ]+)(?:#[\w-]+)?\)", text):
        assert (folder / target).exists(), f"{document}: {target}"
    for name in _PATH.findall(text):
        if not any(mark in name for mark in "<*"):
            assert (ROOT / name).exists(), f"{document}: {name}"


@pytest.mark.parametrize("document", guide.DOCUMENTS)
def test_the_headings_that_it_links_to_exist(document: str) -> None:
    text = guide.text_of(document)
    for target, anchor in re.findall(r"\]\(([^)#: ]*)#([\w-]+)\)", text):
        other = (ROOT / document).parent / target if target else ROOT / document
        headings = re.findall(r"^#+ (.+)$", other.read_text("utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in slugs, f"{document}: {target}#{anchor}"


@pytest.mark.parametrize("document", guide.DOCUMENTS)
def test_the_tests_that_it_names_exist(document: str) -> None:
    for path, name in _TEST.findall(guide.text_of(document)):
        source = (ROOT / path).read_text("utf-8")
        assert re.search(rf"^ *(async )?def {name}\(", source, re.MULTILINE), f"{document}: {path}::{name}"


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[LocalRun]:
    running = LocalRun(tmp_path / "data", port=free_port())
    yield running
    running.stop()
    print(running.lines[-3000:])


@pytest.mark.slow
@pytest.mark.parametrize("document", [name for name in guide.DOCUMENTS if guide.commands("local", name)])
async def test_its_commands_run_against_a_local_product(document: str, run: LocalRun, tmp_path: Path) -> None:
    address = await run.ready()
    worker = re.search(r"worker ready.*worker=\S+?-(\d+)-", run.lines)
    assert worker
    for command in guide.commands("local", document):
        script = command.script.replace(ADDRESS, address).replace("<pid>", worker[1])
        printed = _bash(script, tmp_path, DTQ_URL=address).replace(address, ADDRESS)
        assert command.is_shown(printed), f"{command.script}\n{printed}"


@pytest.mark.slow
@pytest.mark.parametrize("document", [name for name in guide.DOCUMENTS if guide.commands("project", name)])
def test_its_commands_run_in_the_checkout(document: str, tmp_path: Path) -> None:
    for command in guide.commands("project", document):
        script = command.script
        if "collect" in command.marks:
            script = re.sub(r"(-m pytest\b.*)$", r"\1 --collect-only -q", script, flags=re.MULTILINE)
        if "named" in command.marks:
            script = re.sub(r"^make\b", "make -n", script, flags=re.MULTILINE)
        printed = _bash(script, ROOT)
        assert "collect" in command.marks or command.is_shown(printed), f"{command.script}\n{printed}"


def _bash(script: str, folder: Path, **variables: str) -> str:
    """What it prints; it must end well. `.venv/bin` is that of the tests."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(".venv/bin", str(Path(sys.executable).parent))],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": os.environ.get("HOME", "/"), **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout
