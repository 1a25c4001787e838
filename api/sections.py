"""Routes by the first part of their path, each part's imported by the first request for it.

A cold start pays for what it serves: all routes together are a third of the import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module

from starlette.applications import Starlette
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

_NOTHING: tuple[Match, Scope] = (Match.NONE, {})


class Sections(BaseRoute):
    """All routes of the application as one.

    Args:
        modules: of `api.routes`, in the order in which their routes are tried, by path: `/api/tasks` has
            the routes at that path and below it.
    """

    def __init__(self, modules: Mapping[str, Sequence[str]]) -> None:
        self._modules = modules

    @property
    def routes(self) -> list[BaseRoute]:
        """Every route; imports all that no request has asked for yet."""
        names = dict.fromkeys(name for section in self._modules.values() for name in section)
        return _routes_of(tuple(names))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As the first route does that takes path and method, else as the first that takes the path."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        depth = 3 if path.startswith("/api/") else 2
        section = self._modules.get("/".join(path.split("/", depth)[:depth]))
        if scope["type"] != "http" or section is None:
            return _NOTHING
        partial = _NOTHING
        for route in _routes_of(tuple(section)):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, "route": route}
            if match is Match.PARTIAL and partial is _NOTHING:
                partial = match, {**child, "route": route}
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """By the route that matched."""
        await scope["route"].handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """No route is looked up by name.

        Raises:
            NoMatchFound: always.
        """
        raise NoMatchFound(name, path_params)


def routes_of(app: Starlette) -> list[BaseRoute]:
    """Every route of an application, those in sections one by one."""
    return [one for route in app.routes for one in (route.routes if isinstance(route, Sections) else [route])]


@cache
def _routes_of(names: tuple[str, ...]) -> list[BaseRoute]:
    modules = [import_module(f"api.routes.{name}") for name in names]
    return [route for module in modules for route in module.router.routes]
