"""The benchmark program itself, with tiny amounts: it measures, writes JSON, tables and charts. Speed is not judged."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tests.benchmarks import __main__ as program
from tests.benchmarks import measure
from tests.benchmarks.charts import write_charts
from tests.benchmarks.peers.runner import pinned
from tests.benchmarks.report import COLUMNS, tables, update_document


@pytest.fixture(autouse=True)
def _fresh_report(monkeypatch):
    monkeypatch.setattr(measure, "_divisor", 1)
    measure.REPORT.clear()
    yield
    measure.REPORT.clear()


def test_a_tiny_run_writes_its_figures(tmp_path):
    path, document = tmp_path / "run.json", tmp_path / "doc.md"
    document.write_text(
        "kept\n<!-- bench:machine -->\nold\n<!-- /bench:machine -->\n"
        "<!-- bench:figures -->\n<!-- /bench:figures -->\nkept, too\n"
    )
    arguments = ["floors", "memory", "--quick", "100", "--json", str(path), "--document", str(document)]
    assert program.main(arguments) == 0
    run = json.loads(path.read_text())
    assert run["quick"] is True
    assert run["figures"]["Floors"]["Lua list queue, tasks/s"] > 0
    memory = run["figures"]["Memory, bytes per task"]
    assert memory["payload"] == 200
    assert 0 < memory["pending"] < memory["completed"], "a completed task holds its result, too"
    text = document.read_text()
    assert text.startswith("kept\n")
    assert text.endswith("kept, too\n")
    assert "old" not in text
    assert "| **Floors** | |" in text


def test_a_comparison_becomes_a_table_and_charts(tmp_path):
    peers = {
        name: {"version": "1", **dict.fromkeys(COLUMNS, figure)}
        for name, figure in (("dtq", 2.5), ("a&b", 0.0))
    }
    machine = {"cpu": "c", "cores": 2, "python": "3", "server": "s", "load": 0.1}
    run = {"at": "2026-01-01T00:00", "quick": False, "machine": machine, "figures": {}, "peers": peers}
    assert "| dtq | 1 | 2.50 |" in tables(run)["peers"]
    for path in write_charts(tmp_path, peers):
        words = [one.text for one in ElementTree.parse(path).iter() if one.text]
        assert {"dtq", "a&b", "2.50"} <= set(words)
    (tmp_path / "empty.md").write_text("no markers")
    with pytest.raises(ValueError, match="lacks <!-- bench:machine -->"):
        update_document(run, tmp_path / "empty.md")


def test_every_peer_is_pinned():
    lines = list(pinned())
    assert [one[0].split("=")[0].split("@")[0] for one in lines] == [
        *("arq", "saq", "taskiq", "streaq", "dramatiq", "celery", "rq", "huey"),
        "bullmq",
    ]
    assert all("==" in package or "@" in package for line in lines for package in line)
