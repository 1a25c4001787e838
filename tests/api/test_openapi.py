"""The OpenAPI document: complete, and the file in the repository is current."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.openapi import DEFAULT_FILE, document_text, main
from api.settings import ApiSettings
from tests.api.support import Client


@pytest.fixture(scope="module")
def document() -> Any:
    return create_app(ApiSettings.model_construct()).openapi()


def test_the_file_is_current() -> None:
    assert DEFAULT_FILE.read_text(encoding="utf-8") == document_text(), "run: python -m api.openapi"


def test_the_command_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "openapi.json"
    monkeypatch.setattr("sys.argv", ["openapi", str(target)])
    main()
    assert json.loads(target.read_text())["openapi"].startswith("3.1")


def test_every_operation_is_described(document: Any) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            if path not in ("/api/health", "/api/problems"):
                problem = operation["responses"]["503"]["content"]["application/problem+json"]
                assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert "HTTPValidationError" not in json.dumps(operation)


def test_every_reference_leads_somewhere(document: Any) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [ref for value in node.values() for ref in references(value)]
        return [ref for value in node for ref in references(value)] if isinstance(node, list) else []

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def test_the_examples_are_good(document: Any) -> None:
    from api.validation import read_submission

    content = document["paths"]["/api/tasks"]["post"]["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        read_submission(example["value"])


def test_it_is_valid_openapi(document: Any) -> None:
    from openapi_schema_validator import OAS31Validator

    for schema in document["components"]["schemas"].values():
        OAS31Validator.check_schema(schema)


async def test_the_docs_page_says_so_when_its_viewer_does_not_load(tcp_api: Client) -> None:
    answer = await tcp_api.get("/docs")
    page, policy = answer.text, answer.headers["content-security-policy"]
    assert '<p id="no-viewer" hidden>' in page
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    assert "if (window.SwaggerUIBundle)" in script
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
