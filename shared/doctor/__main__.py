"""The command line of the doctor; exit code 0 when nothing failed, 1 otherwise."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from urllib.parse import urlsplit

from shared.doctor.database import Database
from shared.doctor.environment import check_names, targets_of
from shared.doctor.fleet import check_fleet
from shared.doctor.report import Finding, Verdict, as_json, as_text, is_healthy
from shared.errors import DtqError, SettingsError
from shared.settings import Settings
from shared.transports import open_transport


def main() -> None:
    """Look, print, exit."""
    parser = argparse.ArgumentParser(
        prog="python -m shared.doctor",
        description="Looks at this deployment with the variables of API and worker, and says what to fix.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    findings = asyncio.run(examine())
    sys.stdout.write((as_json if options.json else as_text)(findings) + "\n")
    sys.exit(0 if is_healthy(findings) else 1)


async def examine() -> list[Finding]:
    """All checks, in the order in which one would repair things."""
    findings = list(check_names(os.environ))
    try:
        settings = Settings.read()
    except SettingsError as error:
        return [
            *findings,
            Finding("variables", Verdict.FAIL, f"{error.variable}: {error.rule}", error.example),
        ]
    targets, wrong = targets_of(settings)
    findings += wrong
    databases = [
        Database(target, open_transport(target), settings.namespace, settings.dtq_shards)
        for target in targets
    ]
    is_billed = any((urlsplit(target.url).hostname or "").endswith(".upstash.io") for target in targets)
    try:
        return findings + await _examine_all(databases, is_billed=is_billed)
    finally:
        for database in databases:
            await database.transport.close()


async def _examine_all(databases: list[Database], *, is_billed: bool) -> list[Finding]:
    findings: list[Finding] = []
    answering = []
    for database in databases:
        seen = await database.check()
        findings += seen
        if is_healthy(finding for finding in seen if finding.check in ("REST", "TCP")):
            answering.append(database)
    try:
        if len(answering) > 1:
            findings.append(await _are_one(*answering))
        if answering:
            findings += await check_fleet(answering[-1].queue, is_billed=is_billed)
    except DtqError as error:
        findings.append(Finding("workers", Verdict.FAIL, error.detail, "Repair what is above first."))
    return findings


async def _are_one(first: Database, second: Database) -> Finding:
    """Whether both ways lead to the same database: else the API fills one and workers wait at the other."""
    key, mark = f"{first.queue.shards[0].prefix}doctor:{secrets.token_hex(4)}", secrets.token_hex(8)
    await first.transport.command("SET", key, mark, "PX", "60000")
    try:
        seen = await second.transport.command("GET", key)
    finally:
        await first.transport.command("DEL", key)
    if seen == mark:
        return Finding("variables", Verdict.OK, "REST and TCP lead to the same database.")
    fix = "Take the REST URL and REDIS_URL from the page of one database."
    return Finding(
        "variables", Verdict.FAIL, "REST and TCP lead to different databases: no worker sees the tasks.", fix
    )


if __name__ == "__main__":
    main()
