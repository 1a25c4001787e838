"""The generated producer: its types by the real compiler, its behaviour on Node and the Edge runtime, its size."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from api.security.keys import digest_of
from shared.models import TaskType
from shared.typescript import generate
from shared.typescript.types import SchemaTypes
from tests.api.support import Client as ApiClient
from tests.support import node
from tests.support.factories import description, worker
from tests.support.http_api import HttpApi
from tests.support.queues import tcp_queue
from tests.support.workers import ROOT
from worker_host import typescript as command

FOLDER = Path(__file__).parent
EXAMPLE = ROOT / "examples/nextjs"


def kind(name: str, schema: dict[str, Any] | None = None, about: str = "") -> TaskType:
    return TaskType(
        name=name,
        schema=schema or {"type": "object"},
        version="1",
        queue="default",
        max_retries=3,
        timeout_seconds=30.0,
        description=about,
    )


class Person(BaseModel):
    name: str
    age: int = 0


KINDS = [
    kind("person", Person.model_json_schema(), "Greet a person. */ alert(1)"),
    kind("invoice"),
    kind("invoice.send"),
    kind("a-b"),
    kind("x.submit"),
]


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """The environment of Node, with compiler and Edge runtime in place."""
    found = node.environment()
    node.install(FOLDER, found)
    return found


def compiled(folder: Path, text: str, variables: dict[str, str], more: str = "") -> list[str]:
    """What `tsc --strict` finds in a file that uses the client."""
    (folder / "dtq.ts").write_text(text)
    (folder / "use.ts").write_text(f'import {{ createClient, submitMany, tasks }} from "./dtq";\n{more}')
    settings = json.loads((FOLDER / "tsconfig.json").read_text())
    settings["compilerOptions"] |= {"typeRoots": [str(FOLDER / "node_modules/@types")]}
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    done = node.run(
        ["node", str(FOLDER / "node_modules/typescript/bin/tsc"), "--noEmit", "--noUnusedLocals", "false"],
        folder,
        variables,
    )
    return re.findall(r"^use\.ts\((\d+),\d+\): error TS\d+|^(dtq\.ts.*)$", done.stdout, re.MULTILINE)


def erased(text: str, target: Path, variables: dict[str, str]) -> Path:
    """The client without its types, as a bundler ships it."""
    code = (
        'import ts from "typescript"; import { readFileSync } from "node:fs";'
        "const options = { module: 99, target: 9, removeComments: true };"
        'process.stdout.write(ts.transpileModule(readFileSync(0, "utf8"), { compilerOptions: options }).outputText);'
    )
    done = node.run(["node", "--input-type=module", "--eval", code], FOLDER, variables, text)
    assert done.returncode == 0, done.stderr
    target.write_text(done.stdout)
    return target


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, "unknown"),
        ({}, "unknown"),
        (False, "never"),
        ({"type": "string", "format": "email"}, "string"),
        ({"type": "integer"}, "number"),
        ({"type": ["number", "null"]}, "number | null"),
        ({"type": "null"}, "null"),
        ({"const": 'a"b'}, '"a\\"b"'),
        ({"enum": ["a", 1, None, True]}, '"a" | 1 | null | true'),
        ({"anyOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]}, "string"),
        ({"oneOf": [{"type": "string"}, {}]}, "unknown"),
        ({"allOf": [{"type": "string"}, {}]}, "string"),
        ({"allOf": [{"enum": ["a", "b"]}, {"type": "string"}]}, '("a" | "b") & string'),
        ({"$ref": "https://elsewhere.test/x"}, "unknown"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, 'Array<"a" | "b">'),
        ({"type": "array"}, "Array<unknown>"),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": False}, "[string]"),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, "[string, ...Array<unknown>]"),
        ({"type": "object"}, "Record<string, unknown>"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "Record<string, number>"),
        ({"type": "object", "additionalProperties": False}, "Record<string, never>"),
        ({"type": "date"}, "unknown"),
        ({"properties": {"a-b": {"type": "string"}}}, '{\n  "a-b"?: string;\n}'),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string", "description": "x */ y"}},
                "required": ["a"],
            },
            "{\n  /** x *\u200b/ y */\n  a: string;\n}",
        ),
        (
            {"type": "object", "properties": {"a": True}, "additionalProperties": True},
            "{\n  a?: unknown;\n} & Record<string, unknown>",
        ),
    ],
)
def test_each_kind_of_schema_has_its_type(schema, expected):
    whole = {
        "type": "object",
        "properties": {"it": schema},
        "required": ["it"],
        "additionalProperties": False,
    }
    text = SchemaTypes(whole, "P").declarations()
    inner = expected.replace("\n", "\n  ")
    assert text == f"export type P = {{\n  it: {inner};\n}};\n"


def test_definitions_may_refer_to_themselves_and_share_names():
    tree = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
    }
    schema = {"$ref": "#/$defs/tree", "$defs": {"tree": tree, "Tree": {"type": "string"}}}
    assert SchemaTypes(schema, "NodePayload").declarations() == (
        "export type NodePayload = NodeTree;\n"
        "type NodeTree = {\n  children?: Array<NodeTree>;\n};\n"
        "type NodeTree_ = string;\n"
    )


def test_the_same_types_give_the_same_text():
    assert generate(KINDS) == generate(reversed(KINDS))


RIGHT = """
await tasks.person.submit({ name: "Ada" });
await tasks.person.submit({ name: "Ada", age: 36 }, { delaySeconds: 60, runAt: new Date(), onConflict: "existing" });
await tasks.invoice.submit({ anything: [1] });
await tasks.invoice.send.submit({});
await tasks["a-b"].submit({});
await tasks["x.submit"].submit({});
const answers = await submitMany([tasks.person.of({ name: "Ada" }, { priority: 9 })]);
answers[0]?.id.toUpperCase();
await createClient({ url: "https://api.test", key: "k" }).tasks.person.submit({ name: "Ada" });
"""
WRONG = [
    "await tasks.person.submit({ nam: 'Ada' });",
    "await tasks.person.submit({});",
    "await tasks.person.submit({ name: 3 });",
    "await tasks.person.submit({ name: 'Ada', agee: 1 });",
    "await tasks.person.submit({ name: 'Ada' }, { delay: 1 });",
    "await tasks.person.submit({ name: 'Ada' }, { onConflict: 'ignore' });",
    "await tasks.persn.submit({});",
    "await tasks.person.submit();",
    "await submitMany([{ name: 'Ada' }]);",
    "tasks.person.of({ name: null });",
]


def test_the_compiler_takes_right_payloads_and_refuses_wrong_ones(tmp_path, variables):
    assert compiled(tmp_path, generate(KINDS), variables, RIGHT) == []
    found = compiled(tmp_path, generate(KINDS), variables, "\n".join(WRONG))
    assert [line for line, _ in found] == [str(number) for number in range(2, len(WRONG) + 2)]


def test_without_task_types_it_compiles_too(tmp_path, variables):
    assert compiled(tmp_path, generate([]), variables) == []


def test_the_built_in_types_compile_strictly_and_are_small(tmp_path, variables):
    text = (EXAMPLE / "lib/dtq.ts").read_text("utf-8")
    assert (
        compiled(
            tmp_path,
            text,
            variables,
            'await tasks.email.submit({ to: "a@example.org", subject: "s", text: "t" });',
        )
        == []
    )
    script = erased(text, tmp_path / "dtq.mjs", variables)
    assert len(gzip.compress(script.read_bytes(), 9)) < 5_000


def test_the_example_is_up_to_date():
    fresh = subprocess.run(
        [sys.executable, "-m", "worker_host.typescript"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert (EXAMPLE / "lib/dtq.ts").read_text("utf-8") == fresh, "make client OUT=examples/nextjs/lib/dtq.ts"


def test_handlers_that_cannot_be_imported_are_named(capsys):
    assert command.main(["--handlers", "no.such.module"]) == 2
    assert "no.such.module" in capsys.readouterr().err


@pytest.mark.timeout(180)
def test_the_example_app_is_typed_strictly(variables):
    node.install(EXAMPLE, variables, "--omit=optional")
    done = node.run(
        ["node", "node_modules/typescript/bin/tsc", "--noEmit", "--incremental", "false"], EXAMPLE, variables
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture
def published(store, server) -> Iterator[HttpApi]:
    """The API, and a worker that has published the types."""
    asyncio.run(_publish(server.url))
    running = HttpApi(redis_url=server.url)
    yield running
    running.stop()


async def _publish(url: str) -> None:
    queue = tcp_queue(url)
    state = worker(types=tuple(one.name for one in KINDS))
    texts = {one.name: one.model_dump_json(by_alias=True, exclude={"name", "retry"}) for one in KINDS}
    await queue.register(state, description(state), texts)
    await queue.transport.close()


def test_it_does_on_node_what_it_says(tmp_path, published, variables, store):
    erased(generate(KINDS), tmp_path / "dtq.mjs", variables)
    (tmp_path / "scenario.mjs").write_text((FOLDER / "scenario.mjs").read_text())
    done = node.run(["node", "scenario.mjs"], tmp_path, {**variables, "DTQ_URL": f"{published.url}/api/"})
    assert done.returncode == 0, done.stderr
    said = {line["name"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}
    task = said["submit"]["task"]
    assert (task["status"], task["run_at"], task["priority"]) == ("scheduled", said["submit"]["at"], 9)
    assert (task["payload"], task["metadata"]) == ({"name": "Ada"}, {"orderNumber": 17})
    names = [said[name]["task_type"] for name in ("nested", "dashed", "whole")]
    assert names == ["invoice.send", "a-b", "x.submit"]
    assert [one["status"] for one in said["many"]] == ["pending", "pending"]
    assert (said["debounced"]["status"], said["debounced"]["deduplicated"]) == ("scheduled", "debounced")
    assert said["wrong payload"] | {"message": ""} == {"status": 422, "field": "payload.name", "message": ""}
    assert said["wrong batch"]["field"] == "tasks[0].priority"
    assert said["not found"]["status"] == 404
    assert (said["lost answers"]["bodies"], said["lost answers"]["lost"]) == (1, -1)
    assert sum('"Once"' in store.get(key) for key in store.scan_iter(match="*:t:*")) == 1
    assert said["busy"] == {"id": "1", "status": "pending"}
    assert said["long pause"]["status"] == 503
    assert said["no api"]["message"] == "http://api.test answered 404"
    assert "Is DTQ_URL right" in said["nobody"]["message"]
    assert said["no address"]["message"].startswith("DTQ_URL is missing")


def test_it_runs_on_the_edge_runtime(tmp_path, published, variables):
    script = erased(generate(KINDS), tmp_path / "dtq.mjs", variables)
    done = node.run(["node", str(FOLDER / "edge.mjs"), str(script), published.url], FOLDER, variables)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["runtime"], said["process"]) == ("edge-runtime", "undefined")
    assert (said["task"]["status"], said["task"]["payload"]) == ("scheduled", {"name": "Ada"})


async def test_the_api_serves_it(api, engine):
    state = worker(types=("person",))
    text = KINDS[0].model_dump_json(by_alias=True, exclude={"name", "retry"})
    await engine.register(state, description(state), {"person": text})
    answer = await api.get("/api/client.ts")
    assert answer.status_code == 200
    assert answer.text == generate([KINDS[0]])
    assert answer.headers["content-type"] == "text/typescript; charset=utf-8"
    again = await api.get("/api/client.ts", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert answer.headers["x-redis-calls"] == (await api.get("/api/task-types")).headers["x-redis-calls"]


async def test_it_needs_a_key_that_may_read(make_app):
    app = make_app(api_keys=f"web:submit:{digest_of(b'w')},ops:read:{digest_of(b'o')}")
    for key, status in ((None, 401), ("w", 403), ("o", 200)):
        async with ApiClient(app, key=key) as client:
            assert (await client.get("/api/client.ts")).status_code == status


@pytest.mark.parametrize("path", ["docs/CLIENTS.md", "README.md"])
def test_the_examples_of_the_documents_compile(path, tmp_path, variables):
    (code,) = re.findall(r"^```ts\n(.*?)^```$", (ROOT / path).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/dtq.ts").write_text((EXAMPLE / "lib/dtq.ts").read_text("utf-8"))
    more = "declare const url: string;\n" if path == "README.md" else ""
    (tmp_path / "example.ts").write_text(more + code)
    text = (EXAMPLE / "lib/dtq.ts").read_text("utf-8")
    assert compiled(tmp_path, text, variables) == []
    done = node.run(
        ["node", str(FOLDER / "node_modules/typescript/bin/tsc"), "--noEmit", "--noUnusedLocals", "false"],
        tmp_path,
        variables,
    )
    assert (done.returncode, done.stdout) == (0, "")
