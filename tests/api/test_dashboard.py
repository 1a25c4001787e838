"""The dashboard's files beside the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.app import create_app
from api.settings import ApiSettings
from tests.api.support import Client, ask_raw, is_problem


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>page</title>")
    (root / "favicon.svg").write_text("<svg/>")
    (root / "assets" / "index-abc.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    return root


def _client(folder: Path, **settings: str) -> Client:
    return Client(create_app(ApiSettings(redis_url="redis://127.0.0.1:1", **settings), dashboard=folder))


@pytest.mark.parametrize("path", ["/", "/tasks", "/tasks/123", "/queues/a/b", "/apis"])
async def test_pages_are_the_page(folder: Path, path: str) -> None:
    async with _client(folder) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert "<title>page</title>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_assets_are_kept_for_ever(folder: Path) -> None:
    async with _client(folder) as client:
        answer = await client.get("/assets/index-abc.js")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = await client.get("/assets/index-abc.js", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        icon = await client.get("/favicon.svg")
        assert icon.headers["cache-control"] == "no-cache"
        assert icon.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path", ["/assets/gone.js", "/assets", "/assets/", "/assets/../gone.js", "/api", "/api/", "/api/nothing"]
)
async def test_what_is_missing_is_no_page(folder: Path, path: str) -> None:
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1"), dashboard=folder)
    answer = await ask_raw(app, "GET", path)
    if ".." in path:
        assert b"secret" not in answer.body
    else:
        assert answer.status == 404
        assert answer.json["status"] == 404


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "//secret.txt", "/%2e%2e/secret.txt", "/a\x00b", "/\ud800", "/" + "x" * 5000]
)
async def test_nothing_outside_the_folder(folder: Path, path: str) -> None:
    app = create_app(ApiSettings(redis_url="redis://127.0.0.1:1"), dashboard=folder)
    answer = await ask_raw(app, "GET", path)
    assert answer.status in (200, 404)
    assert b"secret" not in answer.body


async def test_other_methods_and_the_api_stay_as_they_are(folder: Path) -> None:
    async with _client(folder) as client:
        assert is_problem(await client.post("/tasks"), 404)
        assert is_problem(await client.put("/api/tasks"), 405)
        head = await client.head("/")
        assert (head.status_code, head.content) == (200, b"")
        assert (await client.get("/docs")).headers["content-type"].startswith("text/html")


async def test_the_page_needs_no_key_and_its_data_does(folder: Path) -> None:
    async with _client(folder, api_keys=f"a:admin:{'0' * 64}") as client:
        assert (await client.get("/")).status_code == 200
        assert is_problem(await client.get("/api/overview"), 401)


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    async with _client(tmp_path / "gone") as client:
        assert is_problem(await client.get("/"), 404)
