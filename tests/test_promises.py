"""The table of `docs/RELIABILITY.md` that says which test guards which promise: every test in it exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "RELIABILITY.md").read_text(encoding="utf-8")
TABLE = TEXT.partition("### Which test guards which promise\n")[2].partition("\n### ")[0]
ROWS = dict(re.findall(r"^\| ([^|`]+?) \| (`.+`) \|$", TABLE, re.MULTILINE))


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_the_ten_invariants_and_more_are_listed():
    assert len(ROWS) >= 15


@pytest.mark.parametrize("promise", ROWS)
def test_every_test_that_is_named_exists(promise: str):
    named = re.findall(r"`([^`]+)::(\w+)`", ROWS[promise])
    assert named, f"{promise!r} names no test"
    missing = [f"{path}::{name}" for path, name in named if name not in functions_of(ROOT / path)]
    assert not missing, f"{promise!r} is guarded by tests that do not exist: {missing}"
