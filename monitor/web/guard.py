"""The gate before every page, route and websocket: whose request it is, where it comes from, what it may reach.

- The name in `Host` must be one that this station goes by; a page elsewhere that points its own name at 127.0.0.1
  (DNS rebinding) gets nothing. Metrics and health of a station that others reach over the network are the exception:
  Prometheus and probes come by addresses that change (a pod's), and all who reach the port may read these anyway.
- What changes something, and every websocket, must come from a page of this station: the browser's `Origin` must be
  our own. Together with `SameSite` cookies this keeps other pages from acting in a user's name (CSRF).
- Who may see some beds only gets a site in which there are no others.
- Everything but health, metrics, the login and the UI library's own files needs a visitor who may see it.
- Every answer forbids the browser to load anything from elsewhere, to be framed, and to keep what it shows.
"""

import ipaddress
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.control.access import Role
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.web.access import Visitor
from monitor.web.app_context import SITE_KEY, VISITOR_KEY, AppContext
from monitor.web.display_login import WALL_PATH, wall_refusal
from monitor.web.language import LANGUAGE_PATH
from monitor.web.limited_site import limit_site
from monitor.web.proxies import user_of_proxy
from monitor.web.push.routes import PUSH_WORKER_PATH
from monitor.web.refusals import refusal_response
from monitor.web.sessions import SESSION_COOKIE

__all__ = ["Guard"]

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_ASSETS = ("/_nicegui/", "/assets/")
_OPEN_PATHS = frozenset({"/login", "/logout", "/favicon.ico", PUSH_WORKER_PATH})
_SECURITY_HEADERS = {
    # The UI library compiles its templates in the browser and starts from inline scripts.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    # Not `no-referrer`: browsers would then call the origin of our own login form `null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware around the whole application.

    Args:
        app: What is guarded.
        site: Whose rules hold.
    """

    def __init__(self, app: ASGIApp, site: AppContext) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        refusal = self._refusal(connection, scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send, scope["path"], self._renewal(scope)))
        elif scope["type"] == "websocket":
            # Closed before it was accepted: the server answers the handshake with 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _with_headers(send, scope["path"]))

    def _refusal(self, connection: HTTPConnection, scope: Scope) -> Response | None:
        path: str = scope["path"]
        scope[SITE_KEY] = self._site  # whose language a refusal has
        host = connection.headers.get("host", "")
        if not self._is_our_name(host) and not self._is_probe(scope):
            words = Phrase("this station does not go by that name; see web.allowed_hosts")
            return refusal_response(connection, RefusedError(words, RefusalCode.HOST_UNKNOWN))
        is_websocket = scope["type"] == "websocket"
        if (is_websocket or scope["method"] not in _READING) and not _is_same_origin(connection, host):
            words = Phrase("the request comes from another site")
            return refusal_response(connection, RefusedError(words, RefusalCode.OTHER_SITE))
        try:
            visitor = self._visitor(connection)
        except RefusedError as error:
            return refusal_response(connection, error)
        scope[SITE_KEY] = limit_site(self._site, visitor.beds, with_pictures=visitor.sees_pictures)
        scope[VISITOR_KEY] = visitor
        if path in _OPEN_PATHS or path in self._site.endpoints or path.startswith((*_ASSETS, LANGUAGE_PATH)):
            return None
        return None if visitor.may(Role.VIEWER) else _ask_to_log_in(connection, path, is_websocket=is_websocket)

    def _visitor(self, connection: HTTPConnection) -> Visitor:
        """Return who is asking.

        Raises:
            RefusedError: A trusted proxy names somebody who is no user here, or two people.
        """
        access = self._site.access
        name = user_of_proxy(connection, self._site.config.web.user_header)
        if name is None:
            return access.visitor(connection.cookies.get(SESSION_COOKIE), connection.headers.get("authorization"))
        visitor = access.named(name)
        if visitor.role is None:
            words = Phrase("the proxy names somebody who is not in this station's users file")
            raise RefusedError(words, RefusalCode.USER_UNKNOWN)
        return visitor

    def _renewal(self, scope: Scope) -> str | None:
        """Return a fresh cookie for a display that loads its page: its login has no end, a browser's cookie has one."""
        visitor = scope[VISITOR_KEY]
        is_load = scope["type"] == "http" and scope["path"] == WALL_PATH
        if not is_load or visitor.role is not Role.DISPLAY or visitor.name is None:
            return None
        user = self._site.access.users().get(visitor.name)
        cookie = self._site.access.renewed(HTTPConnection(scope).cookies.get(SESSION_COOKIE, ""))
        if user is None or cookie is None:
            return None
        answer = Response()
        answer.set_cookie(
            SESSION_COOKIE,
            cookie,
            max_age=self._site.access.seconds_for(user),
            httponly=True,
            samesite="lax",
            secure=scope.get("scheme") == "https",
        )
        return answer.headers["set-cookie"]

    def _is_probe(self, scope: Scope) -> bool:
        is_read = scope["type"] == "http" and scope["method"] in _READING
        return is_read and scope["path"] in self._site.endpoints and not self._site.config.http.is_loopback

    def _is_our_name(self, host: str) -> bool:
        allowed = self._site.config.web.allowed_hosts
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in allowed or _is_loopback(name):
            return True
        # Behind an address that others reach, names and addresses are the network's affair unless they are listed.
        return bool(name) and not self._site.config.http.is_loopback and not allowed


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_same_origin(connection: HTTPConnection, host: str) -> bool:
    """Return whether a page of ours sends it; programs other than browsers send no origin and carry no cookies."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False


def _ask_to_log_in(connection: HTTPConnection, path: str, *, is_websocket: bool) -> Response:
    """Return the answer to somebody who is not logged in: a form for a browser, a status for a program."""
    if is_websocket or path.startswith("/api/") or "text/html" not in connection.headers.get("accept", ""):
        refusal = RefusedError(Phrase("log in first"), RefusalCode.NOT_LOGGED_IN)
        return refusal_response(connection, refusal, {"WWW-Authenticate": "Bearer"})
    if path == WALL_PATH:
        # A display that silently shows a form for logging in is taken for one that watches.
        return wall_refusal(connection)
    return RedirectResponse(f"/login?next={quote(path)}", status_code=303)


def _with_headers(send: Send, path: str, cookie: str | None = None) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY_HEADERS.items():
                headers[name] = value
            if cookie is not None:
                headers.append("Set-Cookie", cookie)
            if not path.startswith(_ASSETS):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return send_with_headers
