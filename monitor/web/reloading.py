"""A request that lets the station read its configuration again; for programs and for scripts."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from monitor.control.access import Role
from monitor.errors import ConfigError
from monitor.web.app_context import site_of, visitor_of

__all__ = ["ReloadAnswer", "ReloadRequest", "add_reload_route"]


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
        responses={
            403: {"description": "The caller is no admin."},
            409: {"description": "The file has mistakes or needs a restart; nothing was changed."},
        },
    )
    def reload(request: Request, content: ReloadRequest | None = None) -> ReloadAnswer:
        """Read the station's configuration file again, without a pause for its other beds. Needs the role `admin`."""
        site, visitor = site_of(request), visitor_of(request)
        if not visitor.may(Role.ADMIN):
            raise HTTPException(403, "reloading needs the role admin")
        if site.reload is None:
            raise HTTPException(409, "this program has no configuration that it could read again")
        try:
            sentences, applied = site.reload(visitor.name or "admin", (content or ReloadRequest()).dry_run)
        except ConfigError as error:
            raise HTTPException(409, str(error)) from None
        return ReloadAnswer(sentences=list(sentences), applied=applied)
