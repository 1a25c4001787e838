"""The Lua scripts: one file per state transition, parts in `lib/`, positions from the header.

To arrange them takes a process 10 to 20 ms each, so it is done beforehand: `python -m shared.scripts.build` writes
into `built/` what is sent of each script, and here a file is read when its script is asked for. The tests and
`make check` refuse to run while the two differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

#: One file per script: what Python must know of it, where its lines come from, and all others the body.
BUILT = Path(__file__).parent / "built"

Value = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Script:
    """One script, ready to be sent.

    Attributes:
        name: file name without `.lua`.
        body: the expanded Lua text.
        sha: SHA-1 of the body, what EVALSHA names.
        keys: names of the single keys, in order.
        key_groups: names of the groups of keys that follow them, in order.
        args: names of the single arguments, in order.
        arg_group: name of the arguments that follow them, or None.
        lines: gives file and line of each line of the body; only error texts need them.
    """

    name: str
    body: str
    sha: str
    keys: tuple[str, ...]
    key_groups: tuple[str, ...]
    args: tuple[str, ...]
    arg_group: str | None
    lines: Callable[[], Sequence[str]] = field(repr=False, compare=False)

    def pack(self, **values: Value) -> tuple[list[str], list[str]]:
        """Lay out KEYS and ARGV from values by name; groups are sequences.

        Raises:
            KeyError: a declared name is missing.
        """
        keys: list[str] = [values[name] for name in self.keys]  # type: ignore[misc]  # single keys are str
        for group in self.key_groups:
            keys.extend(values[group])
        args: list[str] = [values[name] for name in self.args]  # type: ignore[misc]  # single args are str
        if self.arg_group:
            args.extend(values[self.arg_group])
        return keys, args

    def locate(self, error: str) -> str:
        """Replace `user_script:57:` in a server's error text by the file and line it came from."""

        def place(match: re.Match[str]) -> str:
            line, lines = int(match.group(1)), self.lines()
            return lines[line - 1] if 0 < line <= len(lines) else match.group(0)

        return re.sub(r"user_script:(\d+)", place, error)


@cache
def script(name: str) -> Script:
    """Read the script of that name.

    Raises:
        ValueError: none was built by that name.
    """
    said, _, body = _built(name)
    known = json.loads(said)
    return Script(
        name=name,
        body=body,
        sha=known["sha"],
        keys=tuple(known["keys"]),
        key_groups=tuple(known["key_groups"]),
        args=tuple(known["args"]),
        arg_group=known["arg_group"],
        lines=partial(_lines, name),
    )


def _lines(name: str) -> list[str]:
    _, lines, _ = _built(name)
    places: list[str] = json.loads(lines)
    return places


def _built(name: str) -> list[str]:
    try:
        return (BUILT / f"{name}.txt").read_text(encoding="utf-8").split("\n", 2)
    except FileNotFoundError:
        raise ValueError(f"no script {name} is built: run `python -m shared.scripts.build`") from None
