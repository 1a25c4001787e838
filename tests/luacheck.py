"""`python -m tests.luacheck`: lint the Lua scripts as the server gets them.

What the sources make, whether it was built or not, goes to luacheck (Debian: `apt-get install lua-check`); what it finds
is shown at the file and line where it stands. What is included and not used by one script is judged over all:
a function that no script uses at all is a finding. A part may use a name that some header binds.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import cache
from pathlib import Path

from shared.scripts.build import arranged, names

OPTIONS = (
    "--std", "lua51", "--globals", "redis", "cjson", "KEYS", "ARGV", "--no-color", "--no-config",
    "--max-line-length", "140", "--codes", "--formatter", "plain",
)  # fmt: skip
_FINDING = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+):(?P<column>\d+): \((?P<code>\w\d+)\) (?P<text>.*)$")
_SHADOWED = re.compile(r"^shadowing upvalue .* on line (\d+)$")
#: unused and never-read variables: sensible in one part, to be judged over all scripts
_UNUSED = {"W211", "W231", "W241"}

script = cache(arranged)


def main() -> int:
    """Lint all scripts; 0 when there is nothing to say, 1 for findings, 2 when luacheck is missing."""
    program = shutil.which("luacheck")
    if program is None:
        print("luacheck is missing. Install it: apt-get install lua-check (or: luarocks install luacheck).")
        return 2
    findings, unused = _lint(program)
    for place, (text, seen_in) in sorted(unused.items()):
        if seen_in == _including(place):
            findings.add(f"{place}: {text}")
    for finding in sorted(findings):
        print(finding)
    print(f"{len(names())} scripts, {len(findings)} findings")
    return 1 if findings else 0


def _lint(program: str) -> tuple[set[str], dict[str, tuple[str, set[str]]]]:
    """Findings by place, and the unused names with the scripts in which they are unused."""
    findings: set[str] = set()
    unused: dict[str, tuple[str, set[str]]] = defaultdict(lambda: ("", set()))
    with tempfile.TemporaryDirectory() as folder:
        for name in names():
            (Path(folder) / f"{name}.lua").write_text(script(name).body, encoding="utf-8")
        result = subprocess.run([program, *OPTIONS, folder], capture_output=True, text=True, check=False)
    for line in result.stdout.splitlines():
        match = _FINDING.match(line)
        if not match:
            continue
        name = Path(match["path"]).stem
        place, text = script(name).lines()[int(match["line"]) - 1], f"({match['code']}) {match['text']}"
        hidden = _SHADOWED.search(match["text"])
        if (
            hidden
            and place.startswith("lib/")
            and script(name).lines()[int(hidden[1]) - 1].endswith(":header")
        ):
            continue
        if match["code"] not in _UNUSED:
            findings.add(f"{place}: {text}")
        elif not place.endswith(":header"):
            unused[place] = (text, unused[place][1] | {name})
    if result.returncode > 1 and not findings:
        findings.add(f"luacheck failed: {result.stdout}{result.stderr}")
    return findings, dict(unused)


def _including(place: str) -> set[str]:
    """The scripts that contain a line."""
    return {name for name in names() if place in script(name).lines()}


if __name__ == "__main__":
    sys.exit(main())
