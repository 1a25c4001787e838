"""Imports the modules of handlers; each registers its task types."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from shared.errors import SettingsError
from worker_host.registry import REGISTRY, Registry

BUILT_IN = tuple(f"worker_host.handlers.{name}" for name in ("email", "data", "image", "webhook"))


def load_handlers(modules: list[str]) -> tuple[Registry, list[str]]:
    """Import the built-in handlers and `modules`; returns the registry and all module names.

    Raises:
        SettingsError: a module does not exist, fails to import, or registers a name twice.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    names = [*BUILT_IN, *modules]
    for name in names:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # whatever a user's module raises must become one clear line
            reason = f"{type(error).__name__}: {error}"
            raise SettingsError(
                "--handlers", f"module {name} cannot be imported ({reason}).", "--handlers my.module"
            ) from error
    return REGISTRY, names


def source_folders(modules: list[str]) -> list[Path]:
    """Folders whose files make up `modules`: what `--reload` watches."""
    folders = set()
    for name in modules:
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            folders.add(Path(spec.origin).parent)
    return sorted(folders)
