"""`python -m tests.benchmarks [drain] [memory] [limits] [scale] [prices]`: figures and ratios; nothing is asserted about time."""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.benchmarks import drain, limits, memory, scale


def main() -> int:
    """Run the benchmarks that are named, all without a name."""
    runs = {
        "drain": drain.run,
        "memory": memory.run,
        "limits": limits.run,
        "scale": scale.run,
        "prices": _prices,
    }
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(runs)}")
    chosen = parser.parse_args().names or list(runs)
    unknown = [name for name in chosen if name not in runs]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(runs)}")
    for name in chosen:
        runs[name]()
    return 0


def _prices() -> None:
    """The table of Redis calls per operation, as the tests measure it."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:randomly", "tests/shared/test_prices.py"]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
