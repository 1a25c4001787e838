"""Routes that FastAPI describes and does not serve: what they take is the request, and what is made of it alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import Response


class DirectRoute(APIRoute):
    """A route that calls its dependencies one after the other, then its function, which returns a response.

    FastAPI's general way to a function's parameters takes a sixth of the processor time of a submission. Where
    there are others than the request and what is asked of it alone, FastAPI goes that way here, too.
    """

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """What answers a request; see `APIRoute`."""
        function, dependencies = self.dependant, self.dependant.dependencies
        if not _takes_request(function) or not all(
            _takes_request(one) and not one.dependencies for one in dependencies
        ):
            return super().get_route_handler()
        answer: Callable[..., Awaitable[Response]] = function.call  # type: ignore[assignment]
        parts: list[tuple[str, Callable[[Request], Awaitable[Any]]]]
        parts = [(str(one.name), one.call) for one in dependencies]  # type: ignore[misc]

        async def handle(request: Request) -> Response:
            return await answer(request, **{name: await make(request) for name, make in parts})

        return handle


def _takes_request(wanted: Dependant) -> bool:
    """Whether it is a coroutine function of a parameter `request` that asks for nothing else by itself."""
    params = (
        *wanted.path_params,
        *wanted.query_params,
        *wanted.header_params,
        *wanted.cookie_params,
        *wanted.body_params,
    )
    return wanted.request_param_name == "request" and not params and iscoroutinefunction(wanted.call)
