"""Builds the Lua scripts: `python -m shared.scripts.build` writes what is sent of each into `built/`.

It is committed with the sources and is all that a process reads. `--check` writes nothing and fails where the two differ.

A header names every KEYS and ARGV (`@key`, `@keys`, `@arg`, `@args`). From it come both sides:
the `local` lines that the script sees, and the order in which `Script.pack` lays out what Python
passes by name. So the two cannot disagree about positions.

Lua keeps nothing between calls: every call makes all functions and tables anew, and for a call that does little this
is most of what it costs. So what is built makes little:

- What most calls do not need stands in a part behind a line `--- @lazy`, up to a line `--- @eager` or the end of the
  part; behind `--- @lazy submit, tick` what most calls of these scripts do not need. With it goes each function that
  nothing else mentions. All that is lazy is made together, when one of its functions is called from elsewhere for the
  first time. Until then its variables have no values, so it shares nothing but functions with what is not lazy.
- Constants (`local CHUNK = 1000`) are written where they are used.
- What one part declares and another mentions is declared before all parts: for each variable of the function around it
  that a new one uses, Lua goes through all such variables, the last one first. Variables of a function further out are
  found at once, but a function may have no more than 60 of them: these are what most functions use; where there are
  more, the rest stands within. Each stands in the order in which functions meet them. What a part has for itself stays
  in a block of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path

from shared.scripts import BUILT, Script

COMMAND = "python -m shared.scripts.build"
#: So many stale scripts are named, and the rest counted: a part of `lib/` stands in nearly all.
_NAMED = 5

FOLDER = Path(__file__).parent

_HEADER = re.compile(r"^--\[\[ (?P<name>\w+): (?P<body>.*?)^\]\]$", re.DOTALL | re.MULTILINE)
_INCLUDE = re.compile(r'^--- @include "(?P<path>[\w/]+)"$')
_LAZY = re.compile(r"^--- @lazy(?: (?P<scripts>\w+(?:, \w+)*))?$")
_EAGER = "--- @eager"
_DECLARED = re.compile(
    r"^local (?:function (?P<function>\w+)(?=\()|(?P<names>\w+(?:, \w+)*)(?P<value> = .*)?$)"
)
_CONSTANT = re.compile(r"^local (?P<name>[A-Z][A-Z0-9_]+) = (?P<value>\d+|'[^'\\]{0,20}')(?: -- .*)?$")
_WORD = re.compile(r"[A-Za-z_]\w*")
_TEXT = r"'(?:[^'\\]|\\.)*'"
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


def names() -> list[str]:
    """Names of all scripts."""
    return sorted(path.stem for path in FOLDER.glob("*.lua"))


def arranged(name: str) -> Script:
    """The script of that name, from `shared/scripts/<name>.lua` and the parts that it includes.

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
    parts = [_Part("", [(line, f"{path.name}:header") for line in bound]), *_without_constants(parts)]
    known = {name for part in parts for name in part.declared}
    for part in parts:
        part.known = known
    lines = _arranged([parts[0], *_with_late_functions(parts[1:])])
    places = tuple(place for _, place in lines)
    whole = "\n".join(text for text, _ in lines) + "\n"
    return Script(
        name=name,
        body=whole,
        sha=hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest(),
        keys=tuple(keys),
        key_groups=tuple(groups),
        args=tuple(args),
        arg_group=arg_group,
        lines=lambda: places,
    )


def text_of(program: Script) -> str:
    """A script as its file in `built/` has it: what Python needs, where the lines come from, the body."""
    said = {
        "sha": program.sha,
        "keys": program.keys,
        "key_groups": program.key_groups,
        "args": program.args,
        "arg_group": program.arg_group,
    }
    return f"{json.dumps(said)}\n{json.dumps(program.lines())}\n{program.body}"


def stale() -> dict[Path, str]:
    """Files of `built/` that are not what the sources say, and their right text: none for what has no source."""
    right = {BUILT / f"{name}.txt": text_of(arranged(name)) for name in names()}
    wrong = {
        path: text
        for path, text in right.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    return wrong | {path: "" for path in BUILT.glob("*.txt") if path not in right}


def complaint() -> str:
    """What is stale, and the command that helps; or what is wrong with a source. Nothing when all is well."""
    try:
        found = sorted(path.stem for path in stale())
    except ValueError as error:
        return str(error)
    if not found:
        return ""
    some = ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
    return f"shared/scripts/built is not what the sources say of {some}: run `{COMMAND}`"


def build() -> list[str]:
    """Write what is stale; the names."""
    BUILT.mkdir(exist_ok=True)
    found = stale()
    for path, text in found.items():
        if text:
            # Whole or not at all: a process may be reading it.
            new = path.with_suffix(".new")
            new.write_text(text, encoding="utf-8", newline="\n")
            new.replace(path)
        else:
            path.unlink()
    return sorted(path.stem for path in found)


def main() -> int:
    """Build; with `--check` only compare. 1 when something is stale, or wrong in a source."""
    wrong = ""
    if "--check" in sys.argv[1:]:
        wrong = complaint()
    else:
        try:
            sys.stdout.writelines(f"built {name}\n" for name in build())
        except ValueError as error:
            wrong = str(error)
    sys.stderr.write(wrong and f"{wrong}\n")
    return 1 if wrong else 0


#: A line of Lua, and where it stands.
_Line = tuple[str, str]


@dataclass(eq=False)
class _Part:
    """Lines of a script between two includes, or a piece of a file of `lib/`, whose name it has."""

    name: str
    lines: list[_Line] = field(default_factory=list)
    is_lazy: bool = False
    known: set[str] = field(default_factory=set)
    """What any part of the script declares: nothing else needs to be counted."""

    @cached_property
    def declarations(self) -> list[tuple[list[str], str]]:
        """What it declares outside of functions, by statement, and where."""
        found = [(_declared_by(line), place) for line, place in self.lines if line.startswith("local ")]
        return [(names, place) for names, place in found if names]

    @cached_property
    def declared(self) -> dict[str, str]:
        """What it declares outside of functions, and where."""
        return {name: place for names, place in self.declarations for name in names}

    @cached_property
    def functions(self) -> set[str]:
        """Those of them that are functions."""
        declared = [_DECLARED.match(line) for line, _ in self.lines if line.startswith("local function ")]
        return {declaration["function"] for declaration in declared if declaration}

    @cached_property
    def words(self) -> Counter[str]:
        """How often it mentions what."""
        text = "\n".join(line.partition(" -- ")[0] for line, _ in self.lines)
        return Counter(filter(self.known.__contains__, _WORD.findall(text)))


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


def _without_constants(parts: list[_Part]) -> list[_Part]:
    """Parts with numbers and texts in place of their names: that saves variables."""
    values: dict[str, str] = {}
    for part in parts:
        for line, place in part.lines:
            constant = _CONSTANT.match(line)
            if constant and values.setdefault(constant["name"], constant["value"]) != constant["value"]:
                raise ValueError(f"{place}: {constant['name']} has another value elsewhere")

    if not values:
        return parts
    found = re.compile(rf"{_TEXT}|\b(?:{'|'.join(values)})\b")

    def written_in(line: str) -> str:
        return found.sub(lambda match: values.get(match[0], match[0]), line)

    for part in parts:
        part.lines = [(written_in(line), place) for line, place in part.lines if not _CONSTANT.match(line)]
    return [part for part in parts if part.lines]


def _with_late_functions(parts: list[_Part]) -> list[_Part]:
    """Parts in which functions are lazy, too, that nothing but what is lazy mentions."""
    pieces = [
        piece for part in parts for piece in ([part] if part.is_lazy or not part.name else _pieces(part))
    ]
    eager = _words([piece for piece in pieces if not piece.is_lazy])
    candidates = [piece for piece in pieces if piece.functions and piece.name and not piece.is_lazy]
    while late := [
        piece
        for piece in candidates
        if not piece.is_lazy and all(eager[name] == piece.words[name] for name in piece.functions)
    ]:
        for piece in late:
            piece.is_lazy = True
            eager.subtract(piece.words)
    files = [list(same) for _, same in groupby(pieces, key=lambda piece: piece.name)]
    kinds = [
        [piece for piece in same if piece.is_lazy is is_lazy] for same in files for is_lazy in (False, True)
    ]
    return [
        _Part(same[0].name, [line for one in same for line in one.lines], same[0].is_lazy, same[0].known)
        for same in kinds
        if same
    ]


def _pieces(part: _Part) -> list[_Part]:
    """A part with each of its functions for itself."""
    pieces = [_Part(part.name, known=part.known)]
    for line, place in part.lines:
        if line.startswith("local function "):
            pieces.append(_Part(part.name, known=part.known))
        pieces[-1].lines.append((line, place))
        if line == "end" or (line.startswith("local function ") and line.endswith(" end")):
            pieces.append(_Part(part.name, known=part.known))
    return [piece for piece in pieces if piece.lines]


def _arranged(parts: list[_Part]) -> list[_Line]:
    """All lines, with what parts share declared first; the first part binds KEYS and ARGV."""
    uses = _words(parts)
    bound = parts[0].declared
    shared: dict[str, str] = {}
    lines: list[_Line] = []
    captures: Counter[str] = Counter()
    for unit in _units(parts):
        part, own = unit[0], _words(unit)
        met: dict[str, str] = {}
        for one in unit:
            if one.name:
                _merge(met, one, uses, own, bound)
                _merge(shared, one, uses, own, bound)
        if part.is_lazy:
            functions = _divided(unit, parts)
            added = _made_late(functions, met)
            captures.update(
                name for pieces in functions for name in {word for one in pieces for word in one.words}
            )
        else:
            added = _assigned(part.lines, bound) if part is parts[0] else _made_at_once(part, met)
            captures.update(_captures(added))
        lines += added
    places = bound | shared
    by_use = sorted(places, key=lambda name: (captures[name], name))
    mentions = dict.fromkeys(_WORD.findall("\n".join(line for line, _ in lines)))
    outer = set(by_use[-_OUTER:])
    most_used = [(f"local {name}", places[name]) for name in mentions if name in outer]
    rest = [(f"local {name}", places[name]) for name in mentions if name in places and name not in outer]
    if not rest:
        return most_used + lines
    whole = "of the whole"
    around = [("local function everything()", whole), *rest, *lines, ("end", whole)]
    return [*most_used, *around, ("return everything()", whole)]


def _units(parts: list[_Part]) -> list[list[_Part]]:
    """Each part alone, but the lazy ones together: behind the first, or behind what they use of the script itself."""
    lazy = [part for part in parts if part.is_lazy]
    if not lazy:
        return [[part] for part in parts]
    last = max(at for at, part in enumerate(parts) if part.is_lazy)
    mentioned = _words(lazy).keys()
    used = [
        at for at, part in enumerate(parts[1:last], 1) if not part.name and part.declared.keys() & mentioned
    ]
    at = max(used, default=0) + 1
    before, behind = ([[part] for part in some if not part.is_lazy] for some in (parts[:at], parts[at:]))
    return [*before, lazy, *behind]


def _divided(lazy: list[_Part], parts: list[_Part]) -> list[list[_Part]]:
    """Lazy parts by functions that use no more variables of those around than a function may, the greatest first."""
    uses = _words(parts)
    declarations = Counter(name for part in parts for name in part.declared)

    def used(pieces: list[_Part]) -> int:
        words, own = _words(pieces), Counter(name for part in pieces for name in part.declared)
        foreign = {name for name in words if declarations[name] > own[name]}
        return len(foreign | {name for name in own if uses[name] > words[name]})

    files = [
        [part for part in lazy if part.name == name] for name in dict.fromkeys(part.name for part in lazy)
    ]
    functions: list[list[_Part]] = []
    for pieces in sorted(files, key=used, reverse=True):
        fitting = next((some for some in functions if used([*some, *pieces]) <= _UPVALUES), None)
        if fitting is None:
            functions.append(pieces)
        else:
            fitting += pieces
    return functions


def _made_at_once(part: _Part, met: dict[str, str]) -> list[_Line]:
    """A part in a block, or in none where it is the script itself."""
    place = f"lib/{part.name}"
    return [("do", place), *_assigned(part.lines, met), ("end", place)] if part.name else part.lines


def _made_late(functions: list[list[_Part]], met: dict[str, str]) -> list[_Line]:
    """Functions that make lazy parts, and for each function that others call one in its place that has them made."""
    whole = "of what is lazy"
    lazy = [part for pieces in functions for part in pieces]
    uses = _words(lazy)
    common: dict[str, str] = {}
    for pieces in functions:
        words = _words(pieces)
        for part in pieces:
            _merge(common, part, uses, words, met)
    lines = [("do", whole), *((f"local {name}", place) for name, place in common.items())]
    for number, pieces in enumerate(functions):
        own: dict[str, str] = {}
        words = _words(pieces)
        for part in pieces:
            _merge(own, part, words, part.words, met | common)
        lines += [
            (f"local function make_{number}()", whole),
            *((f"local {name}", place) for name, place in own.items()),
        ]
        for part in pieces:
            lines += _made_at_once(part, met | common | own)
        lines.append(("end", whole))
    calls = " ".join(f"make_{number}()" for number in range(len(functions)))
    lines.append((f"local function make() {calls} end", whole))
    known = {name for part in lazy for name in part.functions}
    for name, place in met.items():
        if name not in known:
            raise ValueError(f"{place}: {name} is no function, and what is not lazy mentions it")
        lines.append((f"function {name}(...) make() return {name}(...) end", place))
    return [*lines, ("end", whole)]


def _words(parts: Sequence[_Part]) -> Counter[str]:
    """How often parts mention what."""
    if len(parts) == 1:
        return parts[0].words
    words: Counter[str] = Counter()
    for part in parts:
        words.update(part.words)
    return words


def _merge(
    known: dict[str, str], part: _Part, uses: Counter[str], own: Counter[str], bound: dict[str, str]
) -> None:
    """Add what a part declares and what is mentioned more often in all than in its own.

    Raises:
        ValueError: another part did so by the same name.
    """
    for names, place in part.declarations:
        if any(uses[name] > own[name] and name not in bound for name in names):
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


if __name__ == "__main__":
    sys.exit(main())
