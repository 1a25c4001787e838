"""What the doctor found: a line each, with what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    """As it should be."""
    UNKNOWN = "unknown"
    """This server does not tell; look elsewhere."""
    WARN = "warn"
    """It works, and will hurt."""
    FAIL = "fail"
    """It does not work, or loses tasks."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check.

    Attributes:
        check: what was looked at.
        verdict: how it ended.
        found: what was seen, one sentence.
        fix: what to do; empty when nothing is.
    """

    check: str
    verdict: Verdict
    found: str
    fix: str = ""


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing failed; warnings leave a deployment at work."""
    return all(finding.verdict is not Verdict.FAIL for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """Lines for a person at a terminal."""
    return "\n".join([*_lines(findings), "", _summary(findings)])


def as_json(findings: Sequence[Finding]) -> str:
    """One document for programs."""
    return json.dumps(
        {"healthy": is_healthy(findings), "checks": [asdict(finding) for finding in findings]}, indent=2
    )


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    width = max((len(finding.check) for finding in findings), default=0)
    for finding in findings:
        yield f"{finding.verdict:<7}  {finding.check:<{width}}  {finding.found}"
        if finding.fix:
            yield f"{'':7}  {'':{width}}  fix: {finding.fix}"


def _summary(findings: Sequence[Finding]) -> str:
    counts = [f"{sum(f.verdict is verdict for f in findings)} {verdict}" for verdict in Verdict]
    verdict = "This deployment is healthy" if is_healthy(findings) else "This deployment is not healthy"
    return f"{verdict}: {', '.join(counts)}."
