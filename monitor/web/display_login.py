"""A display on the wall that is not logged in: it says so in large letters, and never shows a bare form."""

import html

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from monitor.web.app_context import localizer_of, site_of

__all__ = ["WALL_PATH", "wall_refusal"]

WALL_PATH = "/wall"
_AGAIN_SECONDS = 15

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{again}">
<title>{title} - NICU pain monitor</title>
<link rel="stylesheet" href="/assets/login.css">
</head>
<body class="display-out">
<main role="alert">
<h1>{title}</h1>
<p>{station_word} {station}</p>
<p class="display-what">{what}</p>
<p><a href="/login?next=/wall">{log_in}</a></p>
</main>
</body>
</html>
"""


def wall_refusal(connection: HTTPConnection) -> Response:
    """Return what a display shows that nobody has logged in, or whose login was revoked; it asks again by itself."""
    t = localizer_of(connection)
    words = {
        "language": t.language,
        "title": t("This display is logged out"),
        "station_word": t("Station"),
        "station": site_of(connection).config.station.id,
        "what": t("No bed is shown here. Look at the infants."),
        "log_in": t("Log in"),
    }
    escaped = {name: html.escape(word) for name, word in words.items()}
    return HTMLResponse(_PAGE.format(again=_AGAIN_SECONDS, **escaped), 401, {"WWW-Authenticate": "Bearer"})
