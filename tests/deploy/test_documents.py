"""The other guides are true, too: every command says how it is tried, and is; every file and test that they name exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.deploy import guide
from tests.support.local_run import LocalRun
from tests.support.server import Server, free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)
ROOT = guide.ROOT
#: Where the guides say that the product is; here another port may be free.
ADDRESS = "http://127.0.0.1:8000"
_PATH = re.compile(
    r"`((?:api|shared|worker_host|local|tests|deploy|docs|frontend|tools|examples|\.ci)/[\w./<>*-]+)`"
)
#: Ids in a document are those of a run before; the last task that was answered takes their place.
_ID = re.compile(r"\b0[0-9a-hjkmnp-tv-z]{26}\b")
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


def test_every_failure_names_the_test_that_makes_it_happen() -> None:
    headed = "tried by"
    named = 0
    for table in re.findall(r"(?:^\|.*\n)+", guide.text_of("PRODUCTION_FIXES.md"), re.MULTILINE):
        head, _, *rows = table.splitlines()
        if headed in head:
            assert not [row for row in rows if not _TEST.search(row.split("|")[-2])]
            named += len(rows)
    assert named > 40


def test_every_answer_points_at_code() -> None:
    """But those of the last section, which say what there is not."""
    told, _, _ = guide.text_of("docs/INTERVIEW_PREP.md").partition(
        '## Questions that this design answers with "no"'
    )
    answers = re.findall(r"^\*\*.+?(?=\n\n)", told, re.MULTILINE | re.DOTALL)
    assert len(answers) > 25
    assert not [answer for answer in answers if not (_PATH.search(answer) or _TEST.search(answer))]


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
    await run.says("worker ready")
    run_local(document, address, lambda: run.lines, tmp_path)


def run_local(
    document: str, address: str, lines: Callable[[], str], folder: Path, checkout: Path = ROOT
) -> None:
    """Run a document's commands against a local product, which prints `lines`, and compare what they print."""
    task_id = ""
    for command in guide.commands("local", document):
        [*_, worker] = re.findall(r"worker ready.*worker=\S+?-(\d+)-", lines())
        script = command.script.replace(ADDRESS, address).replace("<pid>", worker)
        printed = _bash(_ID.sub(task_id, script), folder, checkout, DTQ_URL=address).replace(address, ADDRESS)
        assert command.is_shown(printed), f"{command.script}\n{printed}"
        assert command.output or not re.search(r'"status":[45]\d\d', printed), f"{command.script}\n{printed}"
        task_id = (_ID.findall(printed) or [task_id])[0]


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


@pytest.mark.parametrize("document", [name for name in guide.DOCUMENTS if guide.commands("worker", name)])
async def test_its_handlers_run_in_a_worker_of_their_own(
    document: str, server: Server, tmp_path: Path
) -> None:
    [command] = guide.commands("worker", document)
    text = guide.text_of(document)
    before = text[: text.index(command.script)]
    [*_, (path, code)] = re.findall(r"^```python\n# (\S+)\n(.*?)^```$", before, re.MULTILINE | re.DOTALL)
    (tmp_path / path).parent.mkdir()
    (tmp_path / path).write_text(code)
    script = command.script.replace("rediss://…", server.url).replace("python ", f"exec {sys.executable} ")
    log = tmp_path / "log"
    with log.open("w") as output:
        worker = subprocess.Popen(
            ["bash", "-euc", script],
            cwd=tmp_path, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        await wait_until(lambda: "worker ready" in log.read_text(), describe="it is ready", timeout_s=30)
        [name] = re.findall(r'@register_handler\("([^"]+)"', code)
        assert name in log.read_text()
    finally:
        worker.terminate()
        assert worker.wait(20) == 0, log.read_text()


def _bash(script: str, folder: Path, checkout: Path = ROOT, **variables: str) -> str:
    """What it prints; it must end well. `.venv/bin` is that of the checkout, or of the tests in their own."""
    programs = Path(sys.executable).parent if checkout == ROOT else checkout / ".venv" / "bin"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(".venv/bin", str(programs))],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), "HOME": os.environ.get("HOME", "/"), **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout
