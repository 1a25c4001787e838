"""`dtq doctor`: the one command that looks at Redis itself, with the variables of API and worker."""

from __future__ import annotations

import argparse
import asyncio
import sys


def doctor(chosen: argparse.Namespace) -> int:
    """Print the findings; 0 when nothing failed, 1 otherwise."""
    from shared.doctor.__main__ import examine  # loads Redis clients, which no other command needs
    from shared.doctor.report import as_json, as_text, is_healthy

    findings = asyncio.run(examine())
    sys.stdout.write((as_json if chosen.json else as_text)(findings) + "\n")
    return 0 if is_healthy(findings) else 1
