"""The platform's rule for which file becomes a function of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

_APPLICATIONS = {"app", "application"}


def functions(root: Path) -> list[str]:
    """Files under `root/api` that a deployment makes a function of, as the builder judges them."""
    files = sorted((root / "api").rglob("*.py"))
    return [
        file.relative_to(root).as_posix()
        for file in files
        if not any(part.startswith(("_", ".")) for part in file.relative_to(root).parts)
        and _is_entry(ast.parse(file.read_text("utf-8")).body)
    ]


def _is_entry(statements: Iterable[ast.stmt]) -> bool:
    names = set(_bound(statements))
    return bool(names & _APPLICATIONS) or any(
        isinstance(statement, ast.ClassDef) and statement.name.lower() == "handler"
        for statement in statements
    )


def _bound(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """Names that the statements bind at top level."""
    for statement in statements:
        match statement:
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
                yield from (alias.asname or alias.name for alias in aliases)
            case ast.If() | ast.Try():
                yield from _bound(
                    child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)
                )
