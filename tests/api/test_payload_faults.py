"""What a client reads when a payload does not fit the built-in handlers: field, rule and fix."""

from __future__ import annotations

from typing import Any

import pytest

from api.payload_schema import PayloadSchema
from worker_host.handlers._data_payload import DataPayload
from worker_host.handlers._email_payload import EmailPayload
from worker_host.handlers._image_payload import ImagePayload

EMAIL = PayloadSchema("email", EmailPayload.model_json_schema())
DATA = PayloadSchema("data", DataPayload.model_json_schema())
IMAGE = PayloadSchema("image", ImagePayload.model_json_schema())
PNG = {"base64": "aGVsbG8="}
CSV = {"csv": "a,b\n1,2\n"}


def image(*operations: Any) -> dict[str, Any]:
    return {"source": PNG, "operations": list(operations)}


def data(*steps: Any) -> dict[str, Any]:
    return {"source": CSV, "steps": list(steps)}


@pytest.mark.parametrize(
    ("schema", "payload", "field", "rule", "fix"),
    [
        (
            IMAGE,
            image({"op": "rotate", "degrees": 5}, {"op": "resize", "width": 4, "heigth": 4}),
            "payload.operations[1].heigth",
            "is not known to the task type.",
            "Leave it out; fields here are fit, height, op, upscale, width.",
        ),
        (
            IMAGE,
            image({"op": "crop", "width": 4}),
            "payload.operations[0].height",
            "is missing.",
            "Send it; the task type's schema requires it.",
        ),
        (
            IMAGE,
            image({"op": "thumbnail"}),
            "payload.operations[0].width",
            "is missing.",
            "Send it; the task type's schema requires it.",
        ),
        (
            IMAGE,
            image({"op": "resize", "width": 0}),
            "payload.operations[0].width",
            "must be at least 1.",
            "GET /api/task-types shows the schema.",
        ),
        (
            IMAGE,
            image({"op": "resize", "width": "4"}),
            "payload.operations[0].width",
            "must be of type integer or null.",
            "Send a value of type integer or null.",
        ),
        (
            IMAGE,
            image({"op": "blur"}),
            "payload.operations[0].op",
            "must be one of compress, convert, crop, resize, rotate, strip_metadata, thumbnail, watermark.",
            "Send one of them.",
        ),
        (
            IMAGE,
            image({"op": ["resize"]}),
            "payload.operations[0].op",
            "must be one of compress, convert, crop, resize, rotate, strip_metadata, thumbnail, watermark.",
            "Send one of them.",
        ),
        (
            IMAGE,
            image({"width": 4}),
            "payload.operations[0].op",
            "is missing.",
            "Send one of compress, convert, crop, resize, rotate, strip_metadata, thumbnail, watermark.",
        ),
        (
            IMAGE,
            image("resize"),
            "payload.operations[0]",
            "must be of type object.",
            "Send a value of type object.",
        ),
        (
            IMAGE,
            image({"op": "convert", "format": "jpg"}),
            "payload.operations[0].format",
            "must be one of jpeg, png, webp, avif, gif, tiff, bmp.",
            "Send one of them.",
        ),
        (
            IMAGE,
            image({"op": "watermark", "image": {"path": "x"}}),
            "payload.operations[0].image.path",
            "is not known to the task type.",
            "Leave it out; fields here are base64, storage, url.",
        ),
        (
            DATA,
            data({"op": "group", "by": ["a"], "aggregate": [{"column": "b", "fn": "sum"}]}),
            "payload.steps[0].aggregate[0].fn",
            "is not known to the task type.",
            "Leave it out; fields here are as, column, function.",
        ),
        (
            DATA,
            data({"op": "filter", "where": []}),
            "payload.steps[0].where",
            "must have 1 or more items.",
            "GET /api/task-types shows the schema.",
        ),
        (
            DATA,
            data({"op": "rename", "columns": {"a" * 1000: "b"}}),
            "payload.steps[0].columns." + "a" * 80,
            "as a name must have 200 or fewer",
            "GET /api/task-types shows the schema.",
        ),
        (
            EMAIL,
            {"to": 5, "subject": "x"},
            "payload.to",
            "must be of type string or array.",
            "Send a value of type string or array.",
        ),
        (
            EMAIL,
            {"to": ["ann@example.com", 5], "subject": "x"},
            "payload.to[1]",
            "must be of type string.",
            "Send a value of type string.",
        ),
        (
            EMAIL,
            {"to": "a", "subject": "x"},
            "payload.to",
            "must have 3 or more characters.",
            "GET /api/task-types shows the schema.",
        ),
    ],
)
def test_fault_names_the_real_field_its_rule_and_the_fix(
    schema: PayloadSchema, payload: dict[str, Any], field: str, rule: str, fix: str
) -> None:
    fault = schema.fault(payload, "")
    assert fault is not None
    assert (fault.field, fault.fix) == (field, fix)
    assert fault.rule.startswith(rule)


@pytest.mark.parametrize(
    "discriminator",
    [
        "op",
        {"propertyName": 5, "mapping": {}},
        {"propertyName": "op"},
        {"propertyName": "op", "mapping": {"a": 5}},
        {"propertyName": "op", "mapping": {"a": "#/$defs/Gone"}},
    ],
)
def test_odd_discriminator_still_refuses(discriminator: Any) -> None:
    one = {"type": "object", "properties": {"op": {"const": "a"}}, "required": ["n"]}
    two = {"type": "object", "properties": {"op": {"const": "b"}}, "required": ["m"]}
    schema = PayloadSchema("odd", {"oneOf": [one, two], "discriminator": discriminator})
    fault = schema.fault({"op": "a"}, "tasks[3].")
    assert fault is not None
    assert fault.field.startswith("tasks[3].payload")
