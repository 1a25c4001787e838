"""Reads the guides: their commands with what they print, and the variables that they name.

Every block of commands says in its first line how it is tried:

    check     against an API with the variables of the guide, and a worker; with `bare`, against one without any
    image     with the worker's image, by `tests/deploy/worker_image.py`
    engine    with docker compose, by `tests/deploy/compose_stack.py`
    local     against `python -m local`, in the order of the document
    newcomer  in an empty folder with empty caches, by `tests/deploy/newcomer.py`
    worker    as a worker of its own, with the handlers of the Python block before it
    project   in the checkout; with `collect` pytest only collects, with `named` make only says what it would do
    set       only variables: runs with whatever follows it
    server    on a server of one's own, as root
    account   with an account at Vercel or Upstash
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOYMENT = "VERCEL_DEPLOYMENT.md"
README = "README.md"
DOCUMENTS = (
    DEPLOYMENT,
    "PRODUCTION_FIXES.md",
    "TESTING_GUIDE.md",
    "docs/BEGINNER_GUIDE.md",
    "docs/LEARNING_PATH.md",
    "docs/INTERVIEW_PREP.md",
    "docs/PROJECT_DEEP_DIVE.md",
    "docs/MIGRATING.md",
    "SECURITY.md",
    README,
)
WAYS = frozenset(
    {"check", "image", "engine", "local", "newcomer", "worker", "project", "set", "server", "account"}
)
TEXT = (ROOT / DEPLOYMENT).read_text("utf-8")
_BLOCK = re.compile(
    r"^```(?P<kind>sh|text|json)(?P<marks>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Command:
    """A block of commands, and the block after it when that shows the output."""

    marks: frozenset[str]
    script: str
    output: str | None

    def is_shown(self, printed: str) -> bool:
        """Whether `printed` is the output shown, where `…` stands for anything."""
        if self.output is None:
            return True
        parts = [re.escape(part) for part in self.output.strip().split("…")]
        return re.fullmatch(".*?".join(parts), printed.strip(), re.DOTALL) is not None


def commands(mark: str, document: str = DEPLOYMENT) -> list[Command]:
    """Commands of a document with a mark, in order."""
    return [command for command in all_commands(document) if mark in command.marks]


def all_commands(document: str) -> Iterator[Command]:
    """Every block of commands of a document."""
    blocks = list(_BLOCK.finditer(text_of(document)))
    for block, following in zip_longest(blocks, blocks[1:]):
        if block["kind"] == "sh":
            is_output = (
                following is not None and following["kind"] == "text" and following.start() - block.end() == 1
            )
            output = following["body"] if following and is_output else None
            yield Command(frozenset(block["marks"].split()), block["body"], output)


def text_of(document: str) -> str:
    """A document as it stands."""
    return (ROOT / document).read_text("utf-8")


def variables() -> set[str]:
    """Names in the first column of the deployment guide's tables of variables."""
    rows = re.findall(r"^\| (`[A-Z0-9_]+`(?:, `[A-Z0-9_]+`)*) \|", TEXT, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"[A-Z0-9_]+", row)}
