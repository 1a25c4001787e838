"""Reads VERCEL_DEPLOYMENT.md: its commands with what they print, and the variables that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "VERCEL_DEPLOYMENT.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(?P<kind>sh|text)(?P<marks>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """A block of commands, and the block after it when that shows the output."""

    marks: frozenset[str]
    """`check` runs against an API, with `bare` against one without variables; `image` runs with containers."""
    script: str
    output: str | None

    def is_shown(self, printed: str) -> bool:
        """Whether `printed` is the output shown, where `…` stands for anything."""
        if self.output is None:
            return True
        parts = [re.escape(part) for part in self.output.strip().split("…")]
        return re.fullmatch(".*?".join(parts), printed.strip(), re.DOTALL) is not None


def commands(mark: str) -> list[Command]:
    """Commands with a mark, in order."""
    return [command for command in _commands() if mark in command.marks]


def _commands() -> Iterator[Command]:
    blocks = list(_BLOCK.finditer(TEXT))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block["kind"] == "sh":
            is_output = (
                following is not None and following["kind"] == "text" and following.start() - block.end() == 1
            )
            output = following["body"] if following and is_output else None
            yield Command(frozenset(block["marks"].split()), block["body"], output)


def variables() -> set[str]:
    """Names in the first column of the tables of variables."""
    rows = re.findall(r"^\| (`[A-Z0-9_]+`(?:, `[A-Z0-9_]+`)*) \|", TEXT, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"[A-Z0-9_]+", row)}
