"""Make an API key: `python -m api.keys NAME ROLE` prints it once, and its entry for API_KEYS.

To rotate a key, make another one under a new name, add its entry beside the old one, switch the clients,
and remove the old entry when GET /api/keys shows that the old key is not used any more.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence

from api.security.keys import Role, digest_of, read_keys
from shared.errors import SettingsError
from shared.rates import EXAMPLE


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a new key to stderr and its entry to stdout, so that the entry alone can be piped on."""
    parser = argparse.ArgumentParser(prog="python -m api.keys", description="Make an API key.")
    parser.add_argument("name", help="who uses the key: letters, digits, '.', '_', '-'")
    parser.add_argument("role", choices=list(Role), help="submit: submit tasks; read: read all; admin: all")
    parser.add_argument("--queues", metavar="A,B", default="", help="bind it to these queues (default: all)")
    parser.add_argument("--rate", metavar="N/UNIT", default="", help=f"how fast it may submit: {EXAMPLE}")
    chosen = parser.parse_args(arguments)
    key = f"dtq_{secrets.token_urlsafe(32)}"
    queues = "+".join(filter(None, (name.strip() for name in chosen.queues.split(","))))
    entry = ":".join((chosen.name, chosen.role, digest_of(key.encode()), queues, chosen.rate)).rstrip(":")
    try:
        read_keys(entry)
    except SettingsError as error:
        parser.error(error.detail)
    sys.stderr.write(f"Key, shown once; send it as `Authorization: Bearer {key}`\n")
    sys.stderr.write("Entry of API_KEYS (comma-separated):\n")
    sys.stdout.write(f"{entry}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
