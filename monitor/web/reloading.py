"""Requests that change the station's configuration, or let it be read again; for programs and for scripts."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from monitor.control.access import Role
from monitor.errors import ConfigError, RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.web.app_context import site_of, visitor_of
from monitor.web.refusals import answers, bed_unknown, configuration_refused, needs, role_missing

__all__ = [
    "RegionAnswer",
    "RegionRequest",
    "ReloadAnswer",
    "ReloadRequest",
    "add_region_route",
    "add_reload_route",
]

_Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class ReloadRequest(BaseModel):
    """`dry_run`: only say what would change and what that would interrupt."""

    dry_run: Annotated[bool, Field(strict=True)] = False


class ReloadAnswer(BaseModel):
    """What changes, one sentence each, and whether it was done."""

    sentences: list[str]
    applied: bool


def add_reload_route(router: APIRouter) -> None:
    """Add `POST /reload`."""

    @router.post(
        "/reload",
        tags=["station"],
        openapi_extra=needs(Role.ADMIN),
        responses=answers(
            {403: "The caller is no admin.", 409: "The file has mistakes or needs a restart; nothing was changed."}
        ),
    )
    def reload(request: Request, content: ReloadRequest | None = None) -> ReloadAnswer:
        """Read the station's configuration file again, without a pause for its other beds. Needs the role `admin`."""
        site, visitor = site_of(request), visitor_of(request)
        if not visitor.may(Role.ADMIN):
            raise role_missing(Role.ADMIN)
        if site.reload is None:
            words = Phrase("this program has no configuration that it could read again")
            raise RefusedError(words, RefusalCode.CONFIGURATION_NONE)
        try:
            sentences, applied = site.reload(visitor.name or "admin", (content or ReloadRequest()).dry_run)
        except ConfigError as error:
            raise configuration_refused(error) from None
        return ReloadAnswer(sentences=list(sentences), applied=applied)


class RegionRequest(BaseModel):
    """Where the face is searched for, as shares of width and height; the whole picture when all is left out."""

    left: _Share = 0.0
    top: _Share = 0.0
    right: _Share = 1.0
    bottom: _Share = 1.0


class RegionAnswer(BaseModel):
    """Which bed, and what it interrupts, one sentence each."""

    bed: str
    sentences: list[str]


def add_region_route(router: APIRouter) -> None:
    """Add `POST /beds/{bed}/region`."""

    @router.post(
        "/beds/{bed}/region",
        tags=["beds"],
        openapi_extra=needs(Role.ADMIN),
        responses=answers(
            {
                403: "The caller is no admin.",
                404: "There is no such bed.",
                409: "It cannot be written, for the reason given; nothing was changed.",
            }
        ),
    )
    def region(request: Request, bed: str, content: RegionRequest) -> RegionAnswer:
        """Search for the face of a bed in another part of its picture, and write that to the station's configuration.

        Needs the role `admin`. Nothing else of the file changes, and no other bed pauses.
        """
        site, visitor = site_of(request), visitor_of(request)
        if not visitor.may(Role.ADMIN):
            raise role_missing(Role.ADMIN)
        if site.board.snapshot().bed(bed) is None:
            raise bed_unknown()
        if site.change_region is None:
            words = Phrase("this program has no configuration that it could write to")
            raise RefusedError(words, RefusalCode.CONFIGURATION_NONE)
        edges = (content.left, content.top, content.right, content.bottom)
        try:
            sentences = site.change_region(visitor.name or "admin", bed, edges)
        except ConfigError as error:
            raise configuration_refused(error) from None
        return RegionAnswer(bed=bed, sentences=list(sentences))
