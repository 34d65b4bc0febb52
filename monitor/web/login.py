"""Logging in and out: a plain form that works without scripts, so that it works whatever else does not."""

import html
from typing import Annotated
from urllib.parse import urlsplit

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from monitor.web.app_context import site_of
from monitor.web.sessions import SESSION_COOKIE
from monitor.web.throttle import LoginThrottle

__all__ = ["login_routes"]

_LONGEST = 256
_WAITING_AT_MOST = 8

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in - NICU pain monitor</title>
<link rel="stylesheet" href="/assets/login.css">
</head>
<body>
<main>
<h1>NICU pain monitor</h1>
<p class="station">Station {station}</p>
{message}
<form method="post" action="/login">
<input type="hidden" name="next" value="{next}">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" maxlength="63" required autofocus>
<label for="secret">Password or token</label>
<input id="secret" name="secret" type="password" autocomplete="current-password" maxlength="256" required>
<button type="submit">Log in</button>
</form>
<p class="notice">Research software. Not a medical device. <strong>No alert does not mean no pain.</strong></p>
</main>
</body>
</html>
"""


def login_routes(throttle: LoginThrottle) -> APIRouter:
    """Return the routes `/login` and `/logout`.

    Args:
        throttle: Slows down clients that guess passwords.
    """
    router = APIRouter(include_in_schema=False)
    # A check costs a core 0.2 s on purpose; one at a time, or logins could take the machine from the cameras.
    one_at_a_time = anyio.CapacityLimiter(1)

    @router.get("/login")
    async def show(request: Request, next: str = "/") -> HTMLResponse:  # noqa: A002 - the parameter's usual name
        site = site_of(request)
        message = ""
        if len(site.access.users()) == 0:
            message = (
                "Nobody can log in yet: name a users_file in the configuration's section web, and add a user with "
                "nicu-monitor users add FILE NAME --role nurse"
            )
        return _form(request, next, message)

    @router.post("/login")
    async def log_in(
        request: Request,
        name: Annotated[str, Form(max_length=_LONGEST)],
        secret: Annotated[str, Form(max_length=_LONGEST)],
        next: Annotated[str, Form(max_length=2048)] = "/",  # noqa: A002 - the parameter's usual name
    ) -> Response:
        site = site_of(request)
        address = request.client.host if request.client is not None else ""
        wait_seconds = throttle.wait_seconds(name, address)
        if wait_seconds > 0 or one_at_a_time.statistics().tasks_waiting >= _WAITING_AT_MOST:
            seconds = max(1, round(wait_seconds))
            message = f"Too many attempts. Wait {seconds} s and try again."
            return _form(request, next, message, status=429, headers={"Retry-After": str(seconds)})
        # Counted before it is checked, so that trials sent at the same time count as well.
        throttle.fail(name, address)
        user = await run_sync(site.access.users().check, name, secret, limiter=one_at_a_time)
        if user is None:
            return _form(request, next, "Name or password is wrong.", status=401)
        throttle.succeed(name, address)
        answer = RedirectResponse(_own_path(next), status_code=303)
        answer.set_cookie(
            SESSION_COOKIE,
            site.access.cookie_for(user),
            max_age=site.access.session_seconds,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    @router.post("/logout")
    async def log_out() -> Response:
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(SESSION_COOKIE)
        return answer

    return router


def _form(
    request: Request, next_path: str, message: str, status: int = 200, headers: dict[str, str] | None = None
) -> HTMLResponse:
    shown = f'<p class="message" role="alert">{html.escape(message)}</p>' if message else ""
    station = html.escape(site_of(request).config.station.id)
    page = _PAGE.format(station=station, message=shown, next=html.escape(_own_path(next_path)))
    return HTMLResponse(page, status, headers)


def _own_path(path: str) -> str:
    """Return a path on this station to go on to; anything that leads elsewhere becomes the first page."""
    parts = urlsplit(path)
    is_own = not parts.scheme and not parts.netloc and path.startswith("/") and "\\" not in path
    return path if is_own and not path.startswith("//") and path.isprintable() else "/"
