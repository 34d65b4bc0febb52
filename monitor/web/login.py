"""Logging in and out: a plain form that works without scripts, so that it works whatever else does not."""

import html
from typing import Annotated
from urllib.parse import quote

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from monitor.localization import LANGUAGES
from monitor.web.app_context import localizer_of, own_path, site_of
from monitor.web.language import LANGUAGE_PATH
from monitor.web.sessions import SESSION_COOKIE
from monitor.web.throttle import LoginThrottle

__all__ = ["login_routes"]

_LONGEST = 256
_WAITING_AT_MOST = 8

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{log_in} - NICU pain monitor</title>
<link rel="stylesheet" href="/assets/login.css">
</head>
<body>
<main>
<h1>NICU pain monitor</h1>
<p class="station">{station_word} {station}</p>
{message}
<form method="post" action="/login">
<input type="hidden" name="next" value="{next}">
<label for="name">{name}</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" maxlength="63" required autofocus>
<label for="secret">{secret}</label>
<input id="secret" name="secret" type="password" autocomplete="current-password" maxlength="256" required>
<button type="submit">{log_in}</button>
</form>
<p class="notice">{kind} <strong>{notice}</strong></p>
<p class="notice">{languages}</p>
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
    async def show(request: Request, next: str = "/", ended: str = "") -> HTMLResponse:  # noqa: A002 - its usual name
        site, t = site_of(request), localizer_of(request)
        messages = [t("You were logged out. Nothing is signalled here. Look at the infants.")] if ended else []
        if len(site.access.users()) == 0:
            nobody = t(
                "Nobody can log in yet: name a users_file in the configuration's section web, and add a user with "
                "nicu-monitor users add FILE NAME --role nurse"
            )
            messages.append(nobody)
        return _form(request, next, " ".join(messages), is_ended=bool(ended))

    @router.post("/login")
    async def log_in(
        request: Request,
        name: Annotated[str, Form(max_length=_LONGEST)],
        secret: Annotated[str, Form(max_length=_LONGEST)],
        next: Annotated[str, Form(max_length=2048)] = "/",  # noqa: A002 - the parameter's usual name
    ) -> Response:
        site, t = site_of(request), localizer_of(request)
        address = request.client.host if request.client is not None else ""
        wait_seconds = throttle.wait_seconds(name, address)
        if wait_seconds > 0 or one_at_a_time.statistics().tasks_waiting >= _WAITING_AT_MOST:
            seconds = max(1, round(wait_seconds))
            message = t("Too many attempts. Wait {seconds} s and try again.", seconds=seconds)
            return _form(request, next, message, status=429, headers={"Retry-After": str(seconds)})
        # Counted before it is checked, so that trials sent at the same time count as well.
        throttle.fail(name, address)
        user = await run_sync(site.access.users().check, name, secret, limiter=one_at_a_time)
        if user is None:
            return _form(request, next, t("Name or password is wrong."), status=401)
        throttle.succeed(name, address)
        answer = RedirectResponse(own_path(next), status_code=303)
        answer.set_cookie(
            SESSION_COOKIE,
            site.access.cookie_for(user),
            max_age=site.access.seconds_for(user),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        site_of(request).access.log_out(request.cookies.get(SESSION_COOKIE))
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(SESSION_COOKIE)
        return answer

    return router


def _form(
    request: Request,
    next_path: str,
    message: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
    *,
    is_ended: bool = False,
) -> HTMLResponse:
    shown = f'<p class="message" role="alert">{html.escape(message)}</p>' if message else ""
    t = localizer_of(request)
    path = own_path(next_path)
    back = quote(f"/login?{'ended=1&' if is_ended else ''}next={quote(path)}")
    languages = " · ".join(
        f'<a href="{LANGUAGE_PATH}{tag}?next={back}" lang="{tag}">{html.escape(name)}</a>'
        for tag, name in LANGUAGES.items()
    )
    words = {
        "language": t.language,
        "log_in": t("Log in"),
        "station_word": t("Station"),
        "station": site_of(request).config.station.id,
        "name": t("Name"),
        "secret": t("Password or token"),
        "next": path,
        "kind": t("Research software. Not a medical device."),
        "notice": t("No alert does not mean no pain."),
    }
    escaped = {name: html.escape(word) for name, word in words.items()}
    return HTMLResponse(_PAGE.format(message=shown, languages=languages, **escaped), status, headers)
