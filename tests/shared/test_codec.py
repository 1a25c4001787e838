"""JSON of users and records: what goes in comes out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import codec
from shared.errors import InvalidInput
from shared.models import TaskStatus

#: what a JSON document can hold
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_json_round_trip_on_one_line(value):
    text = codec.encode(value, "payload")
    assert "\n" not in text
    assert codec.decode(text) == value


@pytest.mark.parametrize("number", [2**53 + 1, -(2**63), 2**64, 10**40])
def test_integers_of_any_size_stay_exact(number):
    decoded = codec.decode(codec.encode({"n": number}, "payload"))["n"]
    assert decoded == number
    assert type(decoded) is int


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": math.nan}, "payload: "),
        ({"a": [{"b": -math.inf}]}, "payload: "),
        ({"a": object()}, "is not JSON"),
        ({"a": "\ud800"}, "lone surrogate"),
        ({"\udfff": 1}, "lone surrogate"),
    ],
)
def test_what_is_no_json_is_refused(value, words):
    with pytest.raises(InvalidInput, match=words):
        codec.encode(value, "payload")


def test_nesting_without_end_is_refused():
    value: list = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidInput, match="is not JSON"):
        codec.encode({"a": value}, "payload")


@given(JSON)
def test_a_fingerprint_ignores_the_order_of_keys_and_nothing_else(value):
    one = codec.fingerprint({"a": value, "b": 1})
    assert one == codec.fingerprint({"b": 1, "a": value})
    assert one != codec.fingerprint({"a": value, "b": 2})
    assert len(one) == 16


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}", fullmatch=True)
ID = "0" * 27


@given(
    queue=NAMES,
    task_type=NAMES,
    payload=st.dictionaries(st.text(), JSON, max_size=3),
    options=st.none() | st.dictionaries(st.text(), JSON, min_size=1, max_size=2),
    priority=st.integers(1, 10),
    retention=st.none() | st.integers(1, 10**12),
    mark=st.none() | st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
)
def test_a_claim_is_read_as_it_was_written(queue, task_type, payload, options, priority, retention, mark):
    words = f"1764000000000 {priority} {queue} {task_type} 3"
    words += f" i={mark}" if mark else ""
    words += f" k={retention}" if retention else ""
    words += f" o={codec.encode(options, 'o')}" if options else ""
    body = codec.encode(payload, "p")
    record = f"R2 0 0 worker-1 7 1764000000123\n{words}\n{body}\na{{}}"
    [claim] = codec.Claims([ID, record])
    assert (claim.queue, claim.task_type, claim.priority) == (queue, task_type, priority)
    assert (claim.attempt, claim.number, claim.started_ms) == (2, 7, 1764000000123)
    assert codec.decode(claim.payload) == payload
    assert (codec.decode(claim.options) if claim.options else None) == options


@given(
    payload=st.dictionaries(st.text(), JSON, max_size=3),
    result=JSON,
    metadata=st.dictionaries(st.text(), JSON),
)
def test_a_task_is_read_as_it_was_written(payload, result, metadata):
    options = {"metadata": metadata}
    record = (
        f"C1 0 0 worker-1 7 1764000000123 1764000000456\n1764000000000 5 default noop 3 o={codec.encode(options, 'o')}\n"
        f"{codec.encode(payload, 'p')}\nr{codec.encode(result, 'r')}"
    )
    task = codec.read_task(ID, record)
    assert (task.payload, task.result, task.metadata) == (payload, result, metadata)
    assert (task.status, task.worker, task.attempt) == (TaskStatus.COMPLETED, "worker-1", 1)
    assert (task.finished_at - task.started_at).microseconds == 333_000


def test_bodies_stored_apart_are_put_in_or_named():
    record = "C1 0 0 w 1 10 20\n5 5 default noop 3\n@\nr@"
    left_out = codec.read_task(ID, record)
    assert (left_out.payload, left_out.result, left_out.omitted) == (None, None, ["payload", "result"])
    whole = codec.read_task(ID, record, '{"a":1}', "[1]")
    assert (whole.payload, whole.result, whole.omitted) == ({"a": 1}, [1], [])
