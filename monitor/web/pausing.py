"""Two requests that silence a bed for a limited time, and end that early; for programs and for scripts."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from monitor.control.access import Role
from monitor.control.requests import OperatorRequest, Pause, Resume
from monitor.web.app_context import AppContext, checked_name, site_of, visitor_of
from monitor.web.refusals import answers, bed_unknown, needs, role_missing

__all__ = [
    "BED_ANSWERS",
    "PauseAnswer",
    "PauseRequest",
    "ResumeRequest",
    "add_pause_routes",
    "allowed",
    "carry_out",
]

BED_ANSWERS = answers(
    {
        403: "The caller is no nurse.",
        404: "There is no such bed.",
        409: "It cannot be done, for the reason given: too long, or the bed is in another state.",
    }
)
"""What the answers of the requests about one bed mean, but for 200 and 422."""


class PauseRequest(BaseModel):
    """For how long (when absent: as long as an acknowledgement lasts), and who, where nobody is logged in."""

    seconds: Annotated[float, Field(gt=0.0, le=86_400.0, allow_inf_nan=False)] | None = None
    by: Annotated[str, Field(min_length=1, max_length=63)] | None = None


class ResumeRequest(BaseModel):
    """Who ends the pause; needed only where nobody is logged in, and ignored otherwise."""

    by: Annotated[str, Field(min_length=1, max_length=63)] | None = None


class PauseAnswer(BaseModel):
    """`changed` is false where there was nothing to do: a pause in calm covers nothing, a bed was empty already.

    It is null on a ward, where the request was sent to the station of the bed: what that makes of it, the bed shows.
    """

    bed: str
    by: str
    changed: bool | None


def add_pause_routes(router: APIRouter) -> None:
    """Add `POST /beds/{bed}/pause` and `/resume`."""

    @router.post("/beds/{bed}/pause", tags=["beds"], responses=BED_ANSWERS, openapi_extra=needs(Role.NURSE))
    def pause(request: Request, bed: str, content: PauseRequest | None = None) -> PauseAnswer:
        """Silence what a bed signals now, and the same kinds of condition in advance. Needs the role `nurse`.

        What is new or worse is signalled as ever, and everything is recorded with the name of who paused.
        """
        asked = content or PauseRequest()
        site, by = allowed(request, bed, asked.by)
        return carry_out(site, bed, by, Pause(bed, by, asked.seconds))

    @router.post("/beds/{bed}/resume", tags=["beds"], responses=BED_ANSWERS, openapi_extra=needs(Role.NURSE))
    def resume(request: Request, bed: str, content: ResumeRequest | None = None) -> PauseAnswer:
        """End a pause, so that what still holds is signalled again, or a stand-by. Needs the role `nurse`."""
        site, by = allowed(request, bed, None if content is None else content.by)
        return carry_out(site, bed, by, Resume(bed, by))


def carry_out(site: AppContext, bed: str, by: str, order: OperatorRequest) -> PauseAnswer:
    """Hand on what `by` asks of a bed, and return what is known of its effect.

    Raises:
        RefusedError: It cannot be done.
    """
    has_changed = site.handle(order)
    return PauseAnswer(bed=bed, by=by, changed=None if site.ward is not None else has_changed)


def allowed(request: Request, bed: str, by: str | None) -> tuple[AppContext, str]:
    """Return the site and the name that is recorded.

    Raises:
        RefusedError: The visitor may not, gives no name, or there is no such bed.
    """
    site, visitor = site_of(request), visitor_of(request)
    if not visitor.may(Role.NURSE):
        raise role_missing(Role.NURSE)
    if site.board.snapshot().bed(bed) is None:
        raise bed_unknown()
    return site, checked_name(visitor.name or by or "")
