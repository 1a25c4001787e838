"""docs/HANDLERS.md: every example runs, every result is the real one, every setting is named."""

import asyncio
import inspect
import json
import re
from pathlib import Path

import pytest

import worker_host.handlers.data
import worker_host.handlers.email
import worker_host.handlers.image  # noqa: F401 - registers the handler
from tests.worker_host.handlers.context import FakeContext
from worker_host import handler_settings as settings
from worker_host.registry import REGISTRY

DOCUMENT = (Path(__file__).parents[3] / "docs/HANDLERS.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```json (\w+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
GROUPS = [
    one
    for one in vars(settings).values()
    if inspect.isclass(one) and issubclass(one, settings.HandlerSettings)
]


def run(task):
    handler = REGISTRY.get(task["task_type"])
    result = handler.function(handler.payload.validate_python(task["payload"]), FakeContext())
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def test_every_example_runs_and_gives_the_result_that_is_shown():
    result, compared = None, 0
    for kind, text in BLOCKS:
        block = json.loads(text)
        if kind == "task":
            result = run(block)
            json.dumps(result, allow_nan=False)
        elif kind == "result":
            assert result == block
            compared += 1
        else:
            assert kind == "form"
            REGISTRY.get(block["task_type"]).payload.validate_python(block["payload"])
    assert compared == 3


def test_every_block_is_one_that_is_tested():
    assert len(BLOCKS) == DOCUMENT.count("```json") == DOCUMENT.count("```") / 2


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_setting_and_its_default_is_listed(group):
    for name, field in group.model_fields.items():
        line = re.search(rf"^\|.*`{name.upper()}`.*$", DOCUMENT, re.MULTILINE)
        assert line, name.upper()
        if isinstance(field.default, int) and not isinstance(field.default, bool):
            assert f"| {field.default} |" in line.group()


def test_every_step_and_operation_is_described():
    for task_type, steps in {"data": "steps", "image": "operations"}.items():
        schema = REGISTRY.get(task_type).description()["schema"]
        for name in schema["properties"][steps]["items"]["discriminator"]["mapping"]:
            assert re.search(rf"^\| .*`{name}`", DOCUMENT, re.MULTILINE), name
