"""Choosing a language: a plain link that works without scripts, on the form for logging in as well."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from monitor.errors import RefusalCode, RefusedError
from monitor.localization import LANGUAGES, Phrase
from monitor.web.app_context import LANGUAGE_COOKIE, own_path

__all__ = ["LANGUAGE_PATH", "language_routes"]

LANGUAGE_PATH = "/language/"
_YEAR_SECONDS = 365 * 86_400


def language_routes() -> APIRouter:
    """Return the route `/language/TAG?next=PATH`, which remembers a language on this browser and goes back."""
    router = APIRouter(include_in_schema=False)

    @router.get(LANGUAGE_PATH + "{tag}")
    async def choose(tag: str, next: str = "/") -> RedirectResponse:  # noqa: A002 - the parameter's usual name
        if tag not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise RefusedError(Phrase("known languages: {known}", known=known), RefusalCode.LANGUAGE_UNKNOWN)
        answer = RedirectResponse(own_path(next), status_code=303)
        answer.set_cookie(LANGUAGE_COOKIE, tag, max_age=_YEAR_SECONDS, samesite="lax", httponly=True)
        return answer

    return router
