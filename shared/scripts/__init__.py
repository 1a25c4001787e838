"""The Lua scripts: one file per state transition, parts in `lib/`, positions from the header.

A header names every KEYS and ARGV (`@key`, `@keys`, `@arg`, `@args`). From it come both sides:
the `local` lines that the script sees, and the order in which `Script.pack` lays out what Python
passes by name. So the two cannot disagree about positions.

A part that says `--- @exports a, b` keeps its other locals to itself: Lua allows 200 a function.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent

_HEADER = re.compile(r"^--\[\[ (?P<name>\w+): (?P<body>.*?)^\]\]$", re.DOTALL | re.MULTILINE)
_INCLUDE = re.compile(r'^--- @include "(?P<path>[\w/]+)"$')
_EXPORTS = re.compile(r"^--- @exports ([\w, ]+)$", re.MULTILINE)
_TAG = re.compile(
    r"^ +@(?P<tag>keys?|args?)\s+(?P<name>\w+)(?:\[(?P<count>\w+)\])?(?:\s+(?P<kind>\S+))?", re.MULTILINE
)

#: A local of such a name would hide what the parts in `lib/` call.
_LUA_NAMES = frozenset(
    {"assert", "error", "ipairs", "math", "next", "pairs", "redis", "string", "table", "type"}
)

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
        lines: file and line of each line of the body, for error texts.
    """

    name: str
    body: str
    sha: str
    keys: tuple[str, ...]
    key_groups: tuple[str, ...]
    args: tuple[str, ...]
    arg_group: str | None
    lines: tuple[str, ...] = field(repr=False)

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
            line = int(match.group(1))
            return self.lines[line - 1] if 0 < line <= len(self.lines) else match.group(0)

        return re.sub(r"user_script:(\d+)", place, error)


@cache
def script(name: str) -> Script:
    """Load the script of that name from `shared/scripts/<name>.lua`.

    Raises:
        ValueError: no header, a wrong name in it, or an include that does not exist.
    """
    path = FOLDER / f"{name}.lua"
    text = path.read_text(encoding="utf-8")
    header = _HEADER.match(text)
    if header is None or header["name"] != name:
        raise ValueError(f"{path.name}: begins without a header '--[[ {name}: …'")
    body, lines = _expand(text[header.end() :], path.name, text[: header.end()].count("\n"))
    preamble, keys, groups, args, arg_group = _bind(header["body"], path.name)
    whole = "\n".join([*preamble, *body]) + "\n"
    return Script(
        name=name,
        body=whole,
        sha=hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest(),
        keys=tuple(keys),
        key_groups=tuple(groups),
        args=tuple(args),
        arg_group=arg_group,
        lines=tuple([f"{path.name}:header"] * len(preamble) + lines),
    )


def names() -> list[str]:
    """Names of all scripts."""
    return sorted(path.stem for path in FOLDER.glob("*.lua"))


def _expand(text: str, origin: str, offset: int) -> tuple[list[str], list[str]]:
    """Lines with the includes resolved, and where each came from; comment lines are dropped."""
    body: list[str] = []
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), start=offset + 1):
        include = _INCLUDE.match(line)
        if include:
            part = FOLDER / f"{include['path']}.lua"
            if not part.is_file():
                raise ValueError(f"{origin}:{number}: includes {include['path']}, which does not exist")
            text_of_part = part.read_text(encoding="utf-8")
            inner, inner_lines = _expand(text_of_part, f"lib/{part.name}", 0)
            exported = [name for names in _EXPORTS.findall(text_of_part) for name in names.split(", ")]
            if exported:
                origin_of_part = f"lib/{part.name}:exports"
                inner = [*(f"local {name}" for name in exported), "do", *inner, "end"]
                inner_lines = [origin_of_part] * (len(exported) + 1) + inner_lines + [origin_of_part]
            body += inner
            lines += inner_lines
        elif line.strip() and not line.lstrip().startswith("--"):
            body.append(line)
            lines.append(f"{origin}:{number}")
    return body, lines


def _bind(header: str, origin: str) -> tuple[list[str], list[str], list[str], list[str], str | None]:
    """The `local` lines for KEYS and ARGV, and their names in order."""
    keys: list[str] = []
    groups: list[tuple[str, str | None]] = []
    args: list[str] = []
    arg_group: str | None = None
    locals_: list[str] = []
    for tag in _TAG.finditer(header):
        name = tag["name"]
        if name in _LUA_NAMES:
            raise ValueError(f"{origin}: @{tag['tag']} {name} hides Lua's own {name}")
        if tag["tag"] == "key":
            keys.append(name)
            locals_.append(f"local {name} = KEYS[{len(keys)}]")
        elif tag["tag"] == "keys":
            groups.append((name, tag["count"]))
        elif tag["tag"] == "arg":
            args.append(name)
            value = f"ARGV[{len(args)}]"
            locals_.append(f"local {name} = {f'tonumber({value})' if tag['kind'] == 'int' else value}")
        else:
            arg_group = name
            locals_.append(f"local function {name}(i) return ARGV[{len(args)} + i] end")
            locals_.append(f"local {name}_count = #ARGV - {len(args)}")
    # Groups come last: their positions may depend on an argument.
    locals_ += _bind_groups(len(keys), groups, origin)
    return locals_, keys, [name for name, _ in groups], args, arg_group


def _bind_groups(first: int, groups: list[tuple[str, str | None]], origin: str) -> list[str]:
    """Accessors of groups of keys; all but the last say which argument holds their length."""
    lines = []
    start = str(first)
    for position, (name, count) in enumerate(groups):
        lines.append(f"local function {name}(i) return KEYS[{start} + i] end")
        if count:
            start = f"{start} + {count}"
        elif position < len(groups) - 1:
            raise ValueError(f"{origin}: only the last @keys may leave its length open")
        else:
            lines.append(f"local {name}_count = #KEYS - ({start})")
    return lines
