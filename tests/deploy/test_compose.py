"""The compose files: their schema, what they promise, and how they are laid over each other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker_host.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
BASE = ROOT / "docker-compose.yml"
DEV = ROOT / "docker-compose.dev.yml"
PUBLIC = ROOT / "deploy" / "docker-compose.public.yml"
OURS = ("api", "worker", "web")


def _plain(path: Path) -> str:
    """The file without compose's own tags, which no reader of YAML knows."""
    return re.sub(r"!override\b", "", path.read_text("utf-8"))


def _services(path: Path) -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(_plain(path))["services"]
    return services


@pytest.mark.parametrize("path", [BASE, DEV, PUBLIC], ids=lambda path: path.name)
def test_the_schema_holds(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_text(_plain(path), "utf-8")
    assert _judged(copy).returncode == 0, _judged(copy).stdout


def test_the_schema_can_fail(tmp_path: Path) -> None:
    copy = tmp_path / "docker-compose.yml"
    copy.write_text(_plain(BASE).replace("mem_limit: 128m", "memlimit: 128m"), "utf-8")
    judged = _judged(copy)
    assert judged.returncode == 1
    assert "memlimit" in judged.stdout


def _judged(path: Path) -> subprocess.CompletedProcess[str]:
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", [BASE, DEV], ids=lambda path: path.name)
def test_every_port_is_on_loopback(path: Path) -> None:
    """Without keys anybody who reaches a port is served."""
    ports = [port for service in _services(path).values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports), ports


def test_who_opens_it_must_set_keys_and_closes_what_needed_none() -> None:
    base, public = _services(BASE), _services(PUBLIC)
    assert base["api"]["environment"]["ALLOW_KEYLESS"] == "1"
    environment = public["api"]["environment"]
    assert environment["ALLOW_KEYLESS"] == "0"
    assert environment["API_KEYS"].startswith("${API_KEYS:?")
    assert public["api"]["ports"] == []
    # Without the tag the base's ports would stay published beside these.
    assert PUBLIC.read_text("utf-8").count("ports: !override") == PUBLIC.read_text("utf-8").count("ports:")


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_hardened_and_bounded(name: str) -> None:
    service = _services(BASE)[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert {"mem_limit", "pids_limit", "restart", "stop_grace_period", "logging"} <= set(service)


def test_a_worker_has_its_time_to_drain() -> None:
    given = _services(BASE)["worker"]["stop_grace_period"]
    assert int(given.removesuffix("s")) > WorkerSettings.model_fields["grace_seconds"].default


def test_redis_keeps_what_it_is_given() -> None:
    redis = _services(BASE)["redis"]
    assert "--appendonly yes" in redis["command"]
    assert "--maxmemory-policy noeviction" in redis["command"]
    assert "ports" not in redis
    for name in ("api", "worker"):
        assert _services(BASE)[name]["depends_on"]["redis"] == {"condition": "service_healthy"}


def test_versions_are_named() -> None:
    for path in (BASE, DEV):
        for name, service in _services(path).items():
            if "build" not in service and "image" in service:
                assert re.search(r":\d+", service["image"]), f"{name}: {service['image']}"


@pytest.mark.parametrize("dockerfile", ["Dockerfile.worker", "Dockerfile.api", "Dockerfile.web"])
def test_an_image_is_built_from_files_that_enter_the_build(dockerfile: str) -> None:
    text = (ROOT / dockerfile).read_text("utf-8")
    assert "# syntax=" not in text, "it would fetch an image before anything else"
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    entering = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
    assert copied
    for line in copied:
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(Path(source).is_relative_to(name) for name in entering), source


def test_the_check_of_health_is_the_same_in_image_and_compose() -> None:
    text = (ROOT / "Dockerfile.api").read_text("utf-8")
    script = _services(BASE)["api"]["healthcheck"]["test"][-1]
    assert script in text
