"""The Lua scripts: one file per state transition, parts in `lib/`, positions from the header.

A header names every KEYS and ARGV (`@key`, `@keys`, `@arg`, `@args`). From it come both sides:
the `local` lines that the script sees, and the order in which `Script.pack` lays out what Python
passes by name. So the two cannot disagree about positions.

What one part declares and another mentions is declared before all parts, since functions are made anew at every
call: for each variable of the function around it that a new one uses, Lua goes through all such variables, the last
one first. With the parts one after the other that took 0.15 ms of each exchange. Variables of a function further out
are found at once, but a function may have no more than 60 of them: these are what most functions use; where there are more, the
rest stands within, the most used last. What a part has for itself stays in a block of its own.

What most calls do not need stands in a part behind a line `--- @lazy`, up to a line `--- @eager` or the end of the part;
behind `--- @lazy submit, tick` what most calls of these scripts do not need. The lazy pieces of all parts stand in one
function (in several, where one would use too many variables); it is called, and makes what they declare, when one of
their functions is called from elsewhere. So they share nothing but functions with what is not lazy.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent

_HEADER = re.compile(r"^--\[\[ (?P<name>\w+): (?P<body>.*?)^\]\]$", re.DOTALL | re.MULTILINE)
_INCLUDE = re.compile(r'^--- @include "(?P<path>[\w/]+)"$')
_LAZY = re.compile(r"^--- @lazy(?: (?P<scripts>\w+(?:, \w+)*))?$")
_EAGER = "--- @eager"
_DECLARED = re.compile(
    r"^local (?:function (?P<function>\w+)(?=\()|(?P<names>\w+(?:, \w+)*)(?P<value> = .*)?$)"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_TAG = re.compile(
    r"^ +@(?P<tag>keys?|args?)\s+(?P<name>\w+)(?:\[(?P<count>\w+)\])?(?:\s+(?P<kind>\S+))?", re.MULTILINE
)

#: A local of such a name would hide what the parts in `lib/` call.
_LUA_NAMES = frozenset(
    {"assert", "error", "ipairs", "math", "next", "pairs", "redis", "string", "table", "type"}
)

#: How many variables Lua 5.1 allows a function to use of those further out (LUAI_MAXUPVALUES).
_UPVALUES = 60
#: How many variables stand outside of the function with the rest: one less, so that a clock of tests may stand there, too.
_OUTER = _UPVALUES - 1

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
    parts = _parts(name, text[header.end() :], "", path.name, text[: header.end()].count("\n"))
    bound, keys, groups, args, arg_group = _bind(header["body"], path.name)
    lines = _arranged([_Part("", [(line, f"{path.name}:header") for line in bound]), *parts])
    whole = "\n".join(text for text, _ in lines) + "\n"
    return Script(
        name=name,
        body=whole,
        sha=hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest(),
        keys=tuple(keys),
        key_groups=tuple(groups),
        args=tuple(args),
        arg_group=arg_group,
        lines=tuple(place for _, place in lines),
    )


def names() -> list[str]:
    """Names of all scripts."""
    return sorted(path.stem for path in FOLDER.glob("*.lua"))


#: A line of Lua, and where it stands.
_Line = tuple[str, str]


@dataclass(slots=True)
class _Part:
    """Lines of a script between two includes, or a piece of a file of `lib/`, whose name it has."""

    name: str
    lines: list[_Line] = field(default_factory=list)
    is_lazy: bool = False

    def declarations(self) -> list[tuple[list[str], str]]:
        """What it declares outside of functions, by statement, and where."""
        found = [(_declared_by(line), place) for line, place in self.lines if line.startswith("local ")]
        return [(names, place) for names, place in found if names]

    def functions(self) -> set[str]:
        """Those of them that are functions."""
        declared = [_DECLARED.match(line) for line, _ in self.lines if line.startswith("local function ")]
        return {declaration["function"] for declaration in declared if declaration}

    def words(self) -> Counter[str]:
        """How often it mentions what."""
        return Counter(_WORD.findall("\n".join(line.partition(" -- ")[0] for line, _ in self.lines)))


def _parts(script_name: str, text: str, name: str, origin: str, offset: int) -> list[_Part]:
    """A text in pieces; comment lines are dropped."""
    parts = [_Part(name)]
    for number, line in enumerate(text.split("\n"), start=offset + 1):
        directive = line if line.startswith("---") else ""
        include, lazy = _INCLUDE.match(directive), _LAZY.match(directive)
        if include:
            part = FOLDER / f"{include['path']}.lua"
            if not part.is_file():
                raise ValueError(f"{origin}:{number}: includes {include['path']}, which does not exist")
            parts += _parts(script_name, part.read_text(encoding="utf-8"), part.name, f"lib/{part.name}", 0)
            parts.append(_Part(name))
        elif lazy:
            scripts = lazy["scripts"]
            parts.append(_Part(name, is_lazy=scripts is None or script_name in scripts.split(", ")))
        elif directive == _EAGER:
            parts.append(_Part(name))
        elif line.strip() and not line.lstrip().startswith("--"):
            parts[-1].lines.append((line, f"{origin}:{number}"))
    return [part for part in parts if part.lines]


def _arranged(parts: list[_Part]) -> list[_Line]:
    """All lines, with what parts share declared first; the first part binds KEYS and ARGV."""
    uses = _words(parts)
    bound = _declared(parts[:1])
    shared: dict[str, str] = {}
    lines: list[_Line] = []
    captures: Counter[str] = Counter()
    for unit in _units(parts):
        part, own = unit[0], _words(unit)
        met: dict[str, str] = {}
        if part is parts[0]:
            added = _assigned(part.lines, bound)
        elif not part.name:
            added = part.lines
        else:
            for one in unit:
                _merge(met, one, uses - own, bound)
                _merge(shared, one, uses - own, bound)
            added = _made_at_once(part, met) if not part.is_lazy else _made_late(unit, met)
        lines += added
        captures.update(own.keys() if part.is_lazy else _captures(added))
    places = bound | shared
    ordered = sorted(places, key=lambda name: (captures[name], name))
    declared = [(f"local {name}", places[name]) for name in ordered]
    rest, most_used = declared[:-_OUTER], declared[-_OUTER:]
    if not rest:
        return most_used + lines
    whole = "of the whole"
    around = [("local function everything()", whole), *rest, *lines, ("end", whole)]
    return [*most_used, *around, ("return everything()", whole)]


def _units(parts: list[_Part]) -> list[list[_Part]]:
    """Each part alone, but lazy ones together, as many as may stand in one function; these where the last of them is."""
    last = max((at for at, part in enumerate(parts) if part.is_lazy), default=0)
    lazy: list[list[_Part]] = []
    for name in dict.fromkeys(part.name for part in parts if part.is_lazy):
        pieces = [part for part in parts if part.is_lazy and part.name == name]
        if lazy and _outer_names([*lazy[-1], *pieces], parts, last) <= _UPVALUES:
            lazy[-1] += pieces
        else:
            lazy.append(pieces)
    at_once = [[part] for part in parts[:last] if not part.is_lazy]
    return [*at_once, *lazy, *([part] for part in parts[last:] if not part.is_lazy)]


def _outer_names(unit: list[_Part], parts: list[_Part], last: int) -> int:
    """How many variables a function with these lazy parts may use of those around it."""
    others = [part for part in parts if all(part is not one for one in unit)]
    around = _declared([part for part in others if part.name or parts.index(part) < last])
    mentioned = _words(unit).keys()
    return len((around.keys() & mentioned) | (_declared(unit).keys() & _words(others).keys()))


def _made_at_once(part: _Part, met: dict[str, str]) -> list[_Line]:
    place = f"lib/{part.name}"
    return [("do", place), *_assigned(part.lines, met), ("end", place)]


def _made_late(unit: list[_Part], met: dict[str, str]) -> list[_Line]:
    """What makes lazy parts, and in place of each function that others call one that has them made first."""
    place = f"lib/{unit[0].name}"
    inner: dict[str, str] = {}
    for part in unit:
        _merge(inner, part, _words(unit) - part.words(), met)
    lines = [("do", place), ("local function make()", place), *((f"local {name}", inner[name]) for name in inner)]
    for part in unit:
        lines += _made_at_once(part, met | inner)
    lines.append(("end", place))
    functions = {name for part in unit for name in part.functions()}
    for name, at in met.items():
        if name not in functions:
            raise ValueError(f"{at}: {name} is no function, and others than lazy pieces mention it")
        lines.append((f"function {name}(...) make() return {name}(...) end", at))
    return [*lines, ("end", place)]


def _words(parts: Sequence[_Part]) -> Counter[str]:
    """How often parts mention what."""
    return sum((part.words() for part in parts), Counter())


def _declared(parts: Sequence[_Part]) -> dict[str, str]:
    """What parts declare, and where."""
    return {name: place for part in parts for names, place in part.declarations() for name in names}


def _merge(known: dict[str, str], part: _Part, others: Counter[str], bound: dict[str, str]) -> None:
    """Add what a part declares and others mention.

    Raises:
        ValueError: another part did so by the same name.
    """
    for names, place in part.declarations():
        if any(others[name] and name not in bound for name in names):
            twice = known.keys() & set(names)
            if twice:
                raise ValueError(f"lib/{part.name} declares {', '.join(sorted(twice))}, as another part does")
            known |= dict.fromkeys(names, place)


def _captures(lines: list[_Line]) -> Counter[str]:
    """How many functions mention a name."""
    found: Counter[str] = Counter()
    names: set[str] = set()
    is_inside = False
    for line, _ in lines:
        is_first = line.startswith(("function ", "local function "))
        is_inside = is_inside or is_first
        if is_inside:
            names.update(_WORD.findall(line.partition("(")[2] if is_first else line))
        if line == "end" or (is_inside and line.endswith(" end") and line[0] != " "):
            found.update(names)
            names, is_inside = set(), False
    return found


def _declared_by(line: str) -> list[str]:
    declaration = _DECLARED.match(line)
    return (declaration["function"] or declaration["names"]).split(", ") if declaration else []


def _assigned(lines: list[_Line], names: dict[str, str]) -> list[_Line]:
    """Lines in which declarations of what is declared already are assignments."""
    changed = []
    for line, place in lines:
        if not line.startswith("local ") or names.keys().isdisjoint(_declared_by(line)):
            changed.append((line, place))
        elif " = " in line or line.startswith("local function"):
            changed.append((line.removeprefix("local "), place))
    return changed


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
