"""`/api/problems`: what the `type` of a problem leads to; public, as it holds no secrets."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.problem_types import page_of, problem_types
from api.schemas import ProblemTypeList, answer, problems
from api.wire import to_json
from shared.errors import NotFound

router = APIRouter(prefix="/api/problems", tags=["problems"])

_KEPT = {"Cache-Control": "public, max-age=3600"}


@router.get(
    "",
    summary="List problem types",
    responses={
        200: answer(ProblemTypeList, "All that an error's `type` can be."),
        **problems(has_key=False),
    },
    openapi_extra={"security": []},
)
async def list_problem_types() -> Response:
    """Every problem type with its status, when it happens, and what to do about it."""
    types = [{"type": kind.type, **kind._asdict()} for kind in problem_types().values()]
    return Response(to_json({"problems": types}), headers=_KEPT, media_type="application/json")


@router.get(
    "/{slug}",
    summary="Read about a problem type",
    response_class=HTMLResponse,
    responses={
        200: {"description": "A page for people.", "content": {"text/html": {"schema": {"type": "string"}}}},
        **problems(404, has_key=False),
    },
    openapi_extra={"security": []},
)
async def read_problem_type(slug: str) -> Response:
    """The page that `type` of a problem leads to."""
    kind = problem_types().get(slug)
    if kind is None:
        raise NotFound("No problem has this type. GET /api/problems lists them.")
    return HTMLResponse(page_of(kind), headers=_KEPT)
