"""A run as JSON, as tables between the markers of docs/PERFORMANCE.md, and as charts."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.charts import write_charts
from tests.benchmarks.measure import REPORT, fresh_server

ROOT = Path(__file__).parents[2]
COLUMNS = {
    "drain_per_s": "drain, tasks/s",
    "start_p50_ms": "start p50, ms",
    "start_p99_ms": "start p99, ms",
    "calls_per_task_alone": "calls per task at 20/s",
    "calls_per_task_batch": "calls per task, batches",
    "idle_calls_per_hour": "idle calls per hour",
}


def collect(peers: dict[str, dict[str, Any]], *, is_quick: bool) -> dict[str, Any]:
    """Everything of this run, with where and when it was."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": is_quick,
        "machine": _machine(),
        "figures": REPORT,
        "peers": peers,
    }


def _machine() -> dict[str, Any]:
    with fresh_server() as (_, client):
        info = client.info("server")
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "server": f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}",
        "load": round(os.getloadavg()[0], 1),
    }


def tables(run: dict[str, Any]) -> dict[str, str]:
    """Markdown by marker: the machine, our own figures, the comparison where it was made."""
    machine = run["machine"]
    kind = " A quick run with small amounts: rough." if run["quick"] else ""
    made = {
        "machine": (
            f"{run['at'][:10]}, {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, "
            f"{machine['server']}, load {machine['load']} at the end.{kind}"
        )
    }
    lines = ["| what | figure |", "|---|---|"]
    for title, figures in run["figures"].items():
        lines.append(f"| **{title}** | |")
        lines += [f"| {name} | {_text(figure)} |" for name, figure in figures.items()]
    made["figures"] = "\n".join(lines)
    if run["peers"]:
        names = list(COLUMNS.values())
        lines = [f"| queue | version | {' | '.join(names)} |", "|" + "---|" * (len(names) + 2)]
        for name, figures in run["peers"].items():
            cells = " | ".join(_text(figures[key]) for key in COLUMNS)
            lines.append(f"| {name} | {figures['version']} | {cells} |")
        made["peers"] = "\n".join(lines)
    return made


def _text(figure: object) -> str:
    if not isinstance(figure, float):
        return str(figure)
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"


def write(run: dict[str, Any], path: Path) -> None:
    """The JSON of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=2) + "\n")


def update_document(run: dict[str, Any], document: Path) -> None:
    """Put the run's tables between the markers of a document, and its charts beside it.

    Raises:
        ValueError: a marker is missing.
    """
    text = document.read_text()
    for name, table in tables(run).items():
        start, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        if start not in text or end not in text:
            raise ValueError(f"{document} lacks {start} or {end}: put both where the table belongs")
        before, rest = text.split(start, 1)
        text = f"{before}{start}\n{table}\n{end}{rest.split(end, 1)[1]}"
    document.write_text(text)
    if run["peers"]:
        write_charts(document.parent / "charts", run["peers"])
