"""The ASGI application: guard, login, API, metrics, health, pages."""

import contextlib
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from monitor import __version__
from monitor.control.access import Role
from monitor.errors import RefusalCode, RefusedError
from monitor.web.api import api_routes
from monitor.web.app_context import AppContext, Endpoint
from monitor.web.guard import Guard
from monitor.web.language import language_routes
from monitor.web.login import login_routes
from monitor.web.push.routes import push_routes, worker_routes
from monitor.web.refusals import needs, refusal_response
from monitor.web.request_limits import RequestLimits
from monitor.web.sessions import SESSION_COOKIE
from monitor.web.throttle import LoginThrottle

__all__ = ["build_api", "build_application"]

_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of `nicu-monitor users token`."},
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "Of who is logged in."},
}
"""How a caller proves who they are; the scopes beside them are roles."""
_DESCRIPTION = (
    "What one station sees, for programs. Research software, not a medical device: no alert does not mean no pain, "
    "and a bed that cannot be seen is not a bed without pain."
)


def build_api(site: AppContext) -> FastAPI:
    """Return everything but the pages; without FastAPI's interactive documentation, which loads from a CDN."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        site.closing.set()

    api = FastAPI(
        title="NICU pain monitor",
        version=__version__,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    api.add_exception_handler(RequestValidationError, _refuse_values)
    api.add_exception_handler(RefusedError, _refuse)
    api.include_router(login_routes(LoginThrottle(site.clock)))
    api.include_router(language_routes())
    api.include_router(api_routes())
    api.include_router(push_routes())
    api.include_router(worker_routes())
    for path, endpoint in site.endpoints.items():
        api.include_router(_plain_route(path, endpoint))
    api.mount("/assets", StaticFiles(directory=str(files("monitor.web") / "assets")), name="assets")
    describe = api.openapi

    def described() -> dict[str, Any]:
        """Return the description for machines, with who may do what: a viewer, where a route says nothing else."""
        document = describe()
        document["components"]["securitySchemes"] = _SECURITY
        for operations in document["paths"].values():
            for operation in operations.values():
                operation.setdefault("security", needs(Role.VIEWER)["security"])
        return document

    api.openapi = described  # type: ignore[method-assign]  # the documented way to extend it
    return api


def build_application(site: AppContext) -> ASGIApp:
    """Return the whole application, guarded. Imports the UI library, which takes about a second."""
    from monitor.web.pages.registration import mount_pages

    api = build_api(site)
    mount_pages(api)
    return RequestLimits(Guard(api, site))


async def _refuse_values(_: Request, error: Exception) -> Response:
    """Say what is wrong with a request; without repeating its values, which need not be text."""
    wrong = error.errors() if isinstance(error, RequestValidationError) else []
    detail = [
        {"loc": [str(part) for part in item.get("loc", ())], "msg": str(item.get("msg")), "type": str(item.get("type"))}
        for item in wrong
    ]
    return JSONResponse({"code": RefusalCode.VALUES_WRONG, "detail": detail}, 422)


async def _refuse(request: Request, error: Exception) -> Response:
    """Say why not, in the caller's language."""
    return refusal_response(request, error if isinstance(error, RefusedError) else RefusedError(str(error)))


def _plain_route(path: str, endpoint: Endpoint) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route(path, methods=["GET", "HEAD"])
    async def answer() -> Response:
        status, content_type, body = await run_sync(endpoint)
        return Response(body, status, headers={"Content-Type": content_type})

    return router
