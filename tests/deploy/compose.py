"""The projects of compose files, laid over each other and started by a real engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support.processes import children

CHECKOUT = Path(os.environ["COMPOSE_CHECKOUT"])
OURS = ("api", "worker", "web")
#: Checks of health are the file's own, and looked at more often: who depends on them starts that much earlier.
OFTEN = """
services:
  redis: {healthcheck: {interval: 1s}}
  api: {healthcheck: {interval: 1s}}
"""


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stderr}"
    return done.stdout.strip()


class Stack:
    """The project of one compose file, and of others laid over it.

    Debian's compose is an old one: it does not know the file's `name`.
    """

    def __init__(self, name: str, folder: Path, *more: Path, text: str = "", **environment: str) -> None:
        text = text or (CHECKOUT / "docker-compose.yml").read_text("utf-8")
        self._name = name
        often = folder / "often.yml"
        often.write_text(OFTEN)
        more = (often, *more)
        self._environment = {**os.environ, "LEASE_SECONDS": "3", **environment}
        self._file = CHECKOUT / f"compose.{name}.yml"
        self._file.write_text(re.sub(r"^name: .*\n", "", text, flags=re.MULTILINE), "utf-8")
        self._options = ["--project-name", name, "--file", str(self._file)]
        self._options += [word for path in more for word in ("--file", str(path))]

    def run(self, *arguments: str, is_checked: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["docker-compose", *self._options, *arguments],
            capture_output=True, text=True, check=False, cwd=CHECKOUT,
            env=self._environment,
        )  # fmt: skip
        assert not is_checked or done.returncode == 0, done.stdout + done.stderr
        return done

    def up(self, *arguments: str, is_checked: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--detach", "--no-build", *arguments, is_checked=is_checked)

    def containers(self, service: str, *options: str) -> list[str]:
        """Ids of a service's containers; the engine is asked itself, as compose takes a second to start."""
        labels = {"project": self._name, "service": service}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        return docker("ps", "--quiet", "--no-trunc", "--all", *filters, *options).split()

    def is_whole(self) -> bool:
        """Whether each service runs once."""
        running = "--filter=status=running"
        return all(len(self.containers(service, running)) == 1 for service in ("redis", *OURS))

    def inspect(self, service: str) -> dict[str, Any]:
        [container] = self.containers(service)
        return json.loads(docker("inspect", container))[0]

    def down(self) -> None:
        self.run("down", "--volumes", "--timeout", "5")


def program_of(stack: Stack, service: str) -> int:
    """The program itself, below its init: an engine takes `docker kill` for a wish and restarts nothing."""
    first = int(stack.inspect(service)["State"]["Pid"])
    return (children(first) or [first])[0]


class _Override(list):
    """A list that replaces the one below it, instead of being added to it."""


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!override", lambda loader, node: _Override(loader.construct_sequence(node)))


def _laid_over(below: Any, above: Any) -> Any:
    """What compose 2.24 makes of two files; Debian's does not know `!override`."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _laid_over(below.get(key), value) for key, value in above.items()}}
    if isinstance(above, _Override):
        return list(above)
    return [*below, *above] if isinstance(below, list) and isinstance(above, list) else above


def one_file_of(*names: str) -> str:
    """The text of files of the checkout, laid over each other in order."""
    laid: Any = {}
    for name in names:
        laid = _laid_over(laid, yaml.load((CHECKOUT / name).read_text("utf-8"), _Loader))
    return str(yaml.safe_dump(laid, sort_keys=False))
