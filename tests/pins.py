"""Writes the tested versions of everything installed to `constraints.txt` and to pyproject's uv table.

pip reads the first, the Vercel builder the second; neither holds an address. `--check` only
compares them with each other.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"
OURS = {"dtq", "pip", "setuptools", "wheel"}
_TABLE = re.compile(r"^constraint-dependencies = \[.*?\]\n", re.MULTILINE | re.DOTALL)


def installed() -> list[str]:
    found = {re.sub(r"[-_.]+", "-", dist.metadata["Name"]).lower(): dist.version for dist in distributions()}
    return [f"{name}=={version}" for name, version in sorted(found.items()) if name not in OURS]


def table(pins: list[str]) -> str:
    return "constraint-dependencies = [\n" + "".join(f'    "{pin}",\n' for pin in pins) + "]\n"


def main() -> int:
    if "--check" in sys.argv:
        pins = CONSTRAINTS.read_text().split()
        if table(pins) not in PYPROJECT.read_text():
            sys.stderr.write(
                "constraints.txt and pyproject's constraint-dependencies differ: run `make pins`\n"
            )
            return 1
        return 0
    pins = installed()
    CONSTRAINTS.write_text("\n".join(pins) + "\n")
    PYPROJECT.write_text(_TABLE.sub(lambda _: table(pins), PYPROJECT.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
