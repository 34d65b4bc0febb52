"""Two requests that silence a bed for a limited time, and end that early; for programs and for scripts."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from monitor.control.access import Role
from monitor.control.requests import Pause, Resume
from monitor.web.app_context import AppContext, checked_name, site_of, visitor_of

__all__ = ["PauseAnswer", "PauseRequest", "ResumeRequest", "add_pause_routes"]

_ANSWERS: dict[int | str, dict[str, str]] = {
    403: {"description": "The caller is no nurse."},
    404: {"description": "There is no such bed."},
}


class PauseRequest(BaseModel):
    """For how long (when absent: as long as an acknowledgement lasts), and who, where nobody is logged in."""

    seconds: Annotated[float, Field(gt=0.0, le=86_400.0, allow_inf_nan=False)] | None = None
    by: Annotated[str, Field(min_length=1, max_length=63)] | None = None


class ResumeRequest(BaseModel):
    """Who ends the pause; needed only where nobody is logged in, and ignored otherwise."""

    by: Annotated[str, Field(min_length=1, max_length=63)] | None = None


class PauseAnswer(BaseModel):
    """`changed` is false where there was nothing to do: a pause in calm covers nothing, a bed was not paused."""

    bed: str
    by: str
    changed: bool


def add_pause_routes(router: APIRouter) -> None:
    """Add `POST /beds/{bed}/pause` and `/resume`."""

    @router.post("/beds/{bed}/pause", tags=["beds"], responses=_ANSWERS)
    def pause(request: Request, bed: str, content: PauseRequest | None = None) -> PauseAnswer:
        """Silence what a bed signals now, and the same kinds of condition in advance. Needs the role `nurse`.

        What is new or worse is signalled as ever, and everything is recorded with the name of who paused.
        """
        asked = content or PauseRequest()
        site, by = _allowed(request, bed, asked.by)
        return PauseAnswer(bed=bed, by=by, changed=site.handle(Pause(bed, by, asked.seconds)))

    @router.post("/beds/{bed}/resume", tags=["beds"], responses=_ANSWERS)
    def resume(request: Request, bed: str, content: ResumeRequest | None = None) -> PauseAnswer:
        """End a pause before its time: what still holds is signalled again. Needs the role `nurse`."""
        site, by = _allowed(request, bed, None if content is None else content.by)
        return PauseAnswer(bed=bed, by=by, changed=site.handle(Resume(bed, by)))


def _allowed(request: Request, bed: str, by: str | None) -> tuple[AppContext, str]:
    """Return the site and the name that is recorded.

    Raises:
        HTTPException: The visitor may not, gives no name, or there is no such bed.
    """
    site, visitor = site_of(request), visitor_of(request)
    if not visitor.may(Role.NURSE):
        raise HTTPException(403, "pausing needs the role nurse")
    if site.board.snapshot().bed(bed) is None:
        raise HTTPException(404, "there is no such bed")
    try:
        return site, checked_name(visitor.name or by or "")
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
