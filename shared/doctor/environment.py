"""Checks of the variables, before anything is connected to."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from shared.doctor.report import Finding, Verdict
from shared.errors import SettingsError
from shared.settings import RestTarget, Settings, TcpTarget, redis_target, tcp_target

#: Beginnings of names that are ours or a vendor's of Redis.
_FAMILIES = ("UPSTASH_", "KV_", "REDIS_", "DTQ_")
#: Injected beside those that we read; nothing is wrong with them.
_ALSO_INJECTED = frozenset({"KV_URL", "KV_REST_API_READ_ONLY_TOKEN", "DTQ_PARENT_PIPE", "DTQ_WAKE_SOCKET"})


def check_names(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Names that nothing reads and that look like one that is read."""
    known = [name.upper() for name in Settings.model_fields]
    for name in sorted(environment):
        if not name.startswith(_FAMILIES) or name in _ALSO_INJECTED or name in known:
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        if close and close[0] not in environment:
            yield Finding(
                "variables", Verdict.WARN, f"{name} is set, and nothing reads it.", f"Set {close[0]}."
            )


def targets_of(settings: Settings) -> tuple[list[RestTarget | TcpTarget], list[Finding]]:
    """Where Redis is said to be, over REST and over TCP, and what is wrong with how it is said."""
    targets: list[RestTarget | TcpTarget] = []
    findings: list[Finding] = []
    has_tcp = bool(settings.redis_url)
    for read, is_wanted in ((redis_target, True), (tcp_target, has_tcp)):
        if not is_wanted:
            continue
        try:
            target = read(settings)
        except SettingsError as error:
            found = f"{error.variable}: {error.rule}"
            wrong = Finding("variables", Verdict.FAIL, found, f"Example: {error.example}")
            findings += [wrong] if wrong not in findings else []
            continue
        if target not in targets:
            targets.append(target)
            findings += _judged(target)
    if not has_tcp:
        fix = "Set REDIS_URL where workers run." if targets else ""
        findings.append(
            Finding("variables", Verdict.UNKNOWN, "REDIS_URL is not set, so no worker could start here.", fix)
        )
    return targets, findings


def _judged(target: RestTarget | TcpTarget) -> Iterator[Finding]:
    """What a URL alone gives away."""
    parts = urlsplit(target.url)
    host = parts.hostname or ""
    is_plain = parts.scheme in ("redis", "http")
    way = name_of(target)
    if is_plain and host.endswith(".upstash.io"):
        secure = "rediss" if parts.scheme == "redis" else "https"
        yield Finding(
            way, Verdict.FAIL, f"{parts.scheme}:// to Upstash, which speaks TLS only.", f"Write {secure}://."
        )
    elif is_plain and "." in host and not host.startswith(("127.", "10.", "192.168.", "172.")):
        yield Finding(
            way,
            Verdict.WARN,
            f"{parts.scheme}:// to {host}: the password travels unencrypted.",
            "Use TLS, or a private network.",
        )


def name_of(target: RestTarget | TcpTarget) -> str:
    """How findings about a way to Redis are headed."""
    return "REST" if isinstance(target, RestTarget) else "TCP"
