"""What the vendor's own builder made of this repository; run by `.ci/vercel.sh`, which builds first."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import time
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.launcher import Instance
from tests.deploy.routing import NOT_FOUND, route
from tests.deploy.vercel_fixtures import CHECKOUT, KEY, OUTPUT, PYTHON, variables
from tests.support.gateway import GatewayProcess

#: Of 250 MB that the platform allows; a third of it is the library that encrypts.
MAX_BYTES = 48_000_000
#: A quiet machine needs 0.8 s; this one is shared with the rest of the checks.
MAX_START_S = 5.0
#: Half of a delayed acknowledgement; a request takes 1 to 3 ms, on a busy machine up to 14.
WAITING_MS = 22.0


def test_there_is_one_function() -> None:
    found = sorted(path.relative_to(OUTPUT).as_posix() for path in OUTPUT.rglob("*.func"))
    assert found == ["functions/api/index.func"]


def test_the_function_is_declared_as_wanted(settings: dict[str, Any], config: dict[str, Any]) -> None:
    assert re.fullmatch(r"python3\.1[2-9]", settings["runtime"])
    assert settings["maxDuration"] == 300
    assert settings["supportsResponseStreaming"] is True
    declared = json.loads((CHECKOUT / "vercel.json").read_text("utf-8")).get("crons", [])
    assert config["crons"] == declared


def test_its_files_are_the_api_and_the_engine(settings: dict[str, Any]) -> None:
    names = set(settings["filePathMap"])
    own = {name for name in names if not name.startswith("_vendor/")}
    assert {name.split("/")[0] for name in own if "/" in name} == {"api", "shared"}
    expected = {
        path.relative_to(CHECKOUT).as_posix()
        for folder in ("api", "shared")
        for path in (CHECKOUT / folder).rglob("*")
        if path.suffix in (".py", ".lua") or path.parent.name == "built"
    }
    assert expected <= own, "a file of the application did not make it into the function"
    assert "shared/scripts/built/submit.txt" in expected


def test_it_carries_the_dependencies_of_the_api_alone(settings: dict[str, Any]) -> None:
    vendored = {
        canonicalize_name(match[1])
        for name in settings["filePathMap"]
        if (match := re.match(r"_vendor/([^/]+?)-[^/-]+\.dist-info/", name))
    }
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = _with_what_they_need(project["dependencies"])
    assert {"fastapi", "upstash-redis"} <= wanted <= vendored
    assert vendored - wanted <= {"vercel-runtime", "pip"}, (
        "what the builder adds, and nothing of the worker's"
    )


def _with_what_they_need(requirements: Iterable[str]) -> set[str]:
    """Names of distributions, by the metadata of those that are installed here."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        # Markers are judged for this Python, which may be older than the function's: a superset.
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        waiting += [Requirement(text) for text in metadata.requires(name) or ()]
    return found


def test_it_is_small(settings: dict[str, Any]) -> None:
    total = sum((CHECKOUT / source).stat().st_size for source in settings["filePathMap"].values())
    print(f"\nfunction: {total / 1e6:.1f} MB in {len(settings['filePathMap'])} files")
    assert total < MAX_BYTES


def test_the_dashboard_is_static() -> None:
    page = (OUTPUT / "static" / "index.html").read_text("utf-8")
    assets = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert assets
    for asset in assets:
        assert (OUTPUT / "static" / asset[1:]).is_file(), asset


def test_no_route_adds_a_query(config: dict[str, Any]) -> None:
    assert not [rule for rule in config["routes"] if "?" in rule.get("dest", "")]


def test_every_address_reaches_its_place(config: dict[str, Any]) -> None:
    static = OUTPUT / "static"
    files = {f"/{path.relative_to(static).as_posix()}" for path in static.rglob("*") if path.is_file()}
    script = next(name for name in sorted(files) if name.startswith("/assets/") and name.endswith(".js"))
    table = {
        "/": "/index.html",
        "/tasks": "/index.html",
        "/tasks/123": "/index.html",
        "/sign-in": "/index.html",
        "/apiary": "/index.html",
        script: script,
        "/favicon.svg": "/favicon.svg",
        "/assets/missing.js": NOT_FOUND,
        "/api": "/api/index",
        "/api/": "/api/index",
        "/api/health": "/api/index",
        "/api/tasks": "/api/index",
        "/api/tasks/0abc/cancel": "/api/index",
        "/docs": "/api/index",
        "/docs/oauth2-redirect": "/api/index",
        "/openapi.json": "/api/index",
    }
    reached = {path: route(path, config["routes"], files)[0] for path in table}
    assert reached == table

    cached, policy = "Cache-Control", "Content-Security-Policy"
    _, headers = route(script, config["routes"], files)
    assert "immutable" in headers[cached]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert policy in route("/tasks/123", config["routes"], files)[1]
    assert not {cached, policy} & set(route("/docs", config["routes"], files)[1])


def test_without_variables_it_lives_and_names_what_is_missing(bare: Instance) -> None:
    with httpx.Client(base_url=bare.url) as client:
        alive = client.get("/api/health")
        assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
        assert client.get("/_vercel/ping").status_code == 200
        for path in ("/api/tasks", "/api/ready", "/api/overview", "/api/nothing", "/docs", "/openapi.json"):
            refused = client.get(path)
            assert refused.status_code == 503, path
            assert refused.headers["content-type"] == "application/problem+json"
            assert "API_KEYS" in refused.text
            assert "UPSTASH_REDIS_REST_URL" in refused.text
        assert client.post("/api/tasks", json={"task_type": "email"}).status_code == 503


def test_compiled_files_halve_the_start(folder: Path, tmp_path: Path) -> None:
    """What the builder ships with VERCEL_PYTHON_COMPILEALL=1."""
    compiled = tmp_path / "compiled"
    shutil.copytree(folder, compiled)
    compiled.chmod(0o755)
    for path in compiled.rglob("*"):
        path.chmod(path.stat().st_mode | 0o200)
    subprocess.run([PYTHON, "-m", "compileall", "-q", str(compiled)], check=True)
    size = sum(path.stat().st_size for path in compiled.rglob("*") if path.is_file())
    plain_s, compiled_s = (statistics.median(_starts(where)) for where in (folder, compiled))
    print(f"\ncold start: {plain_s:.2f} s, with compiled files {compiled_s:.2f} s and {size / 1e6:.1f} MB")
    assert compiled_s < plain_s


def _starts(folder: Path, count: int = 5) -> list[float]:
    times = []
    for _ in range(count):
        instance = Instance(folder, PYTHON)
        times.append(instance.started_in_s)
        instance.stop()
    return times


def test_it_starts_quickly_and_ends_when_told(folder: Path) -> None:
    before = {path for path in folder.rglob("*") if path.is_file()}
    times = []
    for _ in range(3):
        instance = Instance(folder, PYTHON)
        times.append(instance.started_in_s)
        assert httpx.get(f"{instance.url}/api/health").status_code == 200
        written = instance.stop()
        assert "Traceback" not in written
        assert instance.process.returncode in (0, -15, 143)
    print(f"\ncold start: {statistics.median(times):.2f} s, median of {len(times)}")
    assert statistics.median(times) < MAX_START_S
    assert {path for path in folder.rglob("*") if path.is_file()} == before, (
        "the platform's files are read-only, and the function wrote into them"
    )


def test_a_task_is_stored_and_read(client: httpx.Client, deployed: Instance) -> None:
    assert client.get("/api/ready").json() == {"status": "ready"}
    body = {"task_type": "email", "payload": {"to": "ada@example.org", "subject": "Hello", "text": "Hi"}}
    submitted = client.post("/api/tasks", json=body)
    assert submitted.status_code == 202, submitted.text
    task = client.get(submitted.headers["location"])
    assert task.status_code == 200
    assert (task.json()["status"], task.json()["payload"]) == ("pending", body["payload"])
    listed = client.get("/api/tasks", params={"status": "pending", "limit": 10})
    assert submitted.json()["id"] in [found["id"] for found in listed.json()["tasks"]]
    assert client.get("/docs").status_code == 200
    assert client.get("/openapi.json").json()["openapi"].startswith("3.")
    assert client.get("/api/nothing").status_code == 404
    assert "end" in deployed.kinds()


def test_who_has_no_key_is_refused(deployed: Instance) -> None:
    assert httpx.get(f"{deployed.url}/api/tasks").status_code == 401
    wrong = httpx.get(f"{deployed.url}/api/tasks", headers={"Authorization": "Bearer dtq_wrong"})
    assert wrong.status_code == 401


def test_the_names_of_the_marketplace_are_understood(folder: Path, gateway: GatewayProcess) -> None:
    instance = Instance(folder, PYTHON, variables(gateway, "KV_REST_API"))
    try:
        answer = httpx.get(f"{instance.url}/api/ready", headers={"Authorization": f"Bearer {KEY}"})
        assert answer.json() == {"status": "ready"}
    finally:
        instance.stop()


def test_a_kept_connection_waits_for_no_acknowledgement(client: httpx.Client) -> None:
    # A neighbour's work can hide what is fast, and never makes fast what waits.
    assert any(_median_ms(client) < 10 for _ in range(3)), (
        "44 ms is the delayed acknowledgement: TCP_NODELAY is not set"
    )


def test_nor_does_one_that_came_before_the_application_was_ready(folder: Path) -> None:
    """The platform connects as soon as the port is announced, which is before the lifespan begins."""
    medians = []
    # Several, as a connection that happens to come later than the lifespan proves nothing.
    for _ in range(3):
        instance = Instance(folder, PYTHON)
        try:
            with httpx.Client(base_url=instance.url) as client:
                medians.append(_median_ms(client, requests=20))
        finally:
            instance.stop()
    assert max(medians) < WAITING_MS, "TCP_NODELAY is not set on connections that were waiting"


def _median_ms(client: httpx.Client, requests: int = 100) -> float:
    times = []
    for _ in range(requests):
        began = time.perf_counter()
        client.get("/api/health").raise_for_status()
        times.append(time.perf_counter() - began)
    median_ms = statistics.median(times) * 1000
    print(f"\nkeep-alive request: {median_ms:.1f} ms, median of {len(times)}")
    return median_ms
