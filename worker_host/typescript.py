"""`python -m worker_host.typescript --handlers my_app.handlers --out dtq.ts`: the TypeScript producer, without an API."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.errors import SettingsError
from shared.models import RESERVED_TYPES, TaskType
from shared.typescript import generate
from worker_host.loading import load_handlers


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the client; the exit code is 2 when the handlers cannot be imported."""
    parser = argparse.ArgumentParser("python -m worker_host.typescript", description=__doc__)
    parser.add_argument(
        "--handlers", action="append", default=[], metavar="MODULE", help="beside the built-in"
    )
    parser.add_argument("--out", type=Path, help="file to write (default: stdout)")
    chosen = parser.parse_args(arguments)
    modules = [name for names in chosen.handlers for name in names.split(",") if name]
    try:
        registry, _ = load_handlers(modules)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    kinds = [TaskType(name=handler.task_type, **handler.description()) for handler in registry]
    text = generate(kinds)
    if chosen.out is None:
        sys.stdout.write(text)
    else:
        chosen.out.write_text(text, encoding="utf-8")
        sys.stdout.write(
            f"{chosen.out}: {sum(kind.name not in RESERVED_TYPES for kind in kinds)} task types\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
