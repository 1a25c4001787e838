"""What `vercel.json` and `pyproject.toml` must say, so that a push becomes a working deployment."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import httpx
import pytest

from api.dashboard import Dashboard
from api.security.guard import TICK
from tests.deploy.functions import functions
from tests.deploy.routing import NOT_FOUND, rewrite, to_pattern

ROOT = Path(__file__).parents[2]
CONFIG = json.loads((ROOT / "vercel.json").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FUNCTION = "/api/index"
FILES = {"/index.html", "/favicon.svg", "/theme.js", "/assets/index-1.js"}


def _tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return listed.stdout.splitlines()


def test_one_file_becomes_a_function() -> None:
    assert functions(ROOT) == ["api/index.py"]


@pytest.mark.parametrize(
    ("source", "is_function"),
    [
        ("app = create_app()", True),
        ("application: ASGIApp = create_app()", True),
        ("async def app(scope, receive, send): ...", True),
        ("from api.index import app", True),
        ("try:\n    from api.index import app\nexcept ImportError:\n    app = None", True),
        ("class Handler(BaseHTTPRequestHandler): ...", True),
        ("from api.index import app as fastapi_app\nhandler = Mangum(fastapi_app)", False),
        ("def create_app():\n    app = FastAPI()\n    return app", False),
        ("", False),
    ],
)
def test_the_rule_of_functions(source: str, is_function: bool, tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "other.py").write_text(source)
    assert functions(tmp_path) == (["api/other.py"] if is_function else [])


def test_no_preset_takes_over() -> None:
    assert "framework" in CONFIG, "without the key the dashboard's preset for FastAPI rules"
    assert CONFIG["framework"] is None


def test_no_source_names_a_group() -> None:
    for rule in [*CONFIG["rewrites"], *CONFIG["headers"]]:
        to_pattern(rule["source"])
        assert "?" not in rule.get("destination", "")
    with pytest.raises(ValueError, match="names a group"):
        to_pattern("/api/:path*")


@pytest.mark.parametrize(
    ("path", "destination"),
    [
        ("/", "/index.html"),
        ("/tasks", "/index.html"),
        ("/tasks/1", "/index.html"),
        ("/apiary", "/index.html"),
        ("/assets", "/index.html"),
        ("/assets/index-1.js", "/assets/index-1.js"),
        ("/assets/x.js", NOT_FOUND),
        ("/favicon.svg", "/favicon.svg"),
        ("/api", FUNCTION),
        ("/api/", FUNCTION),
        ("/api/tasks", FUNCTION),
        ("/api/tasks/0abc/cancel", FUNCTION),
        ("/api/health", FUNCTION),
        ("/api/docs", FUNCTION),
        ("/docs", FUNCTION),
        ("/docs/oauth2-redirect", FUNCTION),
        ("/openapi.json", FUNCTION),
        ("/openapixjson", "/index.html"),
    ],
)
def test_every_address_reaches_its_place(path: str, destination: str) -> None:
    assert rewrite(path, CONFIG["rewrites"], FILES) == destination


def test_every_path_of_the_application_is_rewritten_to_it() -> None:
    from api.app import create_app
    from api.sections import routes_of

    paths = {getattr(route, "path", "") for route in routes_of(create_app())}
    assert {"/api/health", "/docs", "/openapi.json"} <= paths
    for path in paths:
        asked = path.replace("{", "").replace("}", "")
        assert rewrite(asked, CONFIG["rewrites"], FILES) == FUNCTION, (
            f"{path} would answer with the dashboard"
        )


async def test_the_dashboard_has_the_policy_that_the_api_would_send_with_it(tmp_path: Path) -> None:
    from api.app import create_app

    (tmp_path / "index.html").write_text("<!doctype html>")
    page = httpx.ASGITransport(Dashboard(tmp_path, fallback=create_app()))
    async with httpx.AsyncClient(transport=page, base_url="http://localhost") as client:
        policy = (await client.get("/")).headers["content-security-policy"]

    rule = next(rule for rule in CONFIG["headers"] if rule["headers"][0]["key"] == "Content-Security-Policy")
    assert rule["headers"][0]["value"] == policy
    pattern = to_pattern(rule["source"])
    assert all(pattern.fullmatch(path) for path in ("/", "/tasks/1", "/apiary", "/assets/index-1.js"))
    assert not any(pattern.fullmatch(path) for path in ("/api", "/api/tasks", "/docs", "/openapi.json"))


def test_crons_name_a_route_and_fire_at_most_daily() -> None:
    from api.app import create_app
    from api.sections import routes_of

    by_get = {
        getattr(route, "path", "")
        for route in routes_of(create_app())
        if "GET" in (getattr(route, "methods", None) or ())
    }
    assert [cron["path"] for cron in CONFIG["crons"]] == [TICK]
    for cron in CONFIG["crons"]:
        assert cron["path"] in by_get, "Vercel asks by GET"
        assert rewrite(cron["path"], CONFIG["rewrites"], FILES) == FUNCTION
        minute, hour, *_ = cron["schedule"].split()
        assert (minute + hour).isdigit(), "Hobby refuses a deployment with a denser schedule"


def test_commands_of_the_build_exist() -> None:
    package = json.loads((ROOT / "frontend" / "package.json").read_text("utf-8"))
    assert "build" in package["scripts"]
    assert (ROOT / "frontend" / "package-lock.json").is_file(), "npm ci needs the lock"
    assert CONFIG["outputDirectory"] == "frontend/dist"


def test_nothing_in_git_overrides_the_project_file() -> None:
    tracked = _tracked()
    names = {Path(name).name for name in tracked}
    assert not names & {"uv.lock", ".python-version", "Pipfile"}
    for name in tracked:
        path = Path(name)
        assert not (path.parts[0] == "api" and path.name in ("requirements.txt", "pyproject.toml")), name
    assert "requirements.txt" not in tracked


def test_the_project_is_installed_by_pip_and_left_alone_by_uv() -> None:
    assert PROJECT["tool"]["uv"]["package"] is False
    assert PROJECT["build-system"]["build-backend"] == "setuptools.build_meta"
    assert set(PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]) == {
        "api*",
        "shared*",
        "worker_host*",
        "local*",
    }
    assert "scripts/built/*.txt" in PROJECT["tool"]["setuptools"]["package-data"]["shared"]


def test_python_of_the_platform_is_allowed() -> None:
    assert PROJECT["project"]["requires-python"] == ">=3.11"


def test_no_script_looks_like_an_entry_point() -> None:
    assert not {"app", "application"} & set(PROJECT["project"].get("scripts", {}))


def test_the_builder_is_pinned_without_addresses() -> None:
    lock = json.loads((ROOT / "tools" / "vercel" / "package-lock.json").read_text("utf-8"))["packages"]
    wanted = json.loads((ROOT / "tools" / "vercel" / "package.json").read_text("utf-8"))["dependencies"]
    assert lock[""]["dependencies"] == wanted
    installed = {name: entry for name, entry in lock.items() if name}
    assert len(installed) > 100
    assert not [name for name, entry in installed.items() if "resolved" in entry]
    assert not [name for name, entry in installed.items() if "integrity" not in entry]
