"""How the API says no: a status, a code for programs, and a sentence in the caller's language."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from monitor.config.writing import reason_of
from monitor.control.access import Role
from monitor.errors import ConfigError, HistoryError, RefusalCode, RefusedError
from monitor.localization import LANGUAGES, Localizer, Phrase
from monitor.web.app_context import LANGUAGE_COOKIE, localizer_of

__all__ = [
    "RefusalRecord",
    "answers",
    "bed_unknown",
    "configuration_refused",
    "history_unreadable",
    "needs",
    "reader_of",
    "refusal_response",
    "role_missing",
]

_CONFLICT = 409
_STATUS = {
    RefusalCode.NOT_LOGGED_IN: 401,
    RefusalCode.ROLE_MISSING: 403,
    RefusalCode.OTHER_SITE: 403,
    RefusalCode.USER_UNKNOWN: 403,
    RefusalCode.PROXY_AMBIGUOUS: 403,
    RefusalCode.BED_UNKNOWN: 404,
    RefusalCode.ALERT_UNKNOWN: 404,
    RefusalCode.HISTORY_OFF: 404,
    RefusalCode.PICTURE_NONE: 404,
    RefusalCode.NOT_A_WARD: 404,
    RefusalCode.LANGUAGE_UNKNOWN: 404,
    RefusalCode.PUSH_OFF: 404,
    RefusalCode.PUSH_DEVICE_UNKNOWN: 404,
    RefusalCode.PUSH_SERVICE_UNKNOWN: 422,
    RefusalCode.PUSH_KEYS_WRONG: 422,
    RefusalCode.HOST_UNKNOWN: 421,
    RefusalCode.NAME_WRONG: 422,
    RefusalCode.PSEUDONYM_WRONG: 422,
    RefusalCode.REASON_WRONG: 422,
    RefusalCode.BEDS_WRONG: 422,
    RefusalCode.PERIOD_WRONG: 422,
    RefusalCode.TOO_MANY_POINTS: 422,
    RefusalCode.CAMERA_WRONG: 422,
    RefusalCode.VALUES_WRONG: 422,
    RefusalCode.HISTORY_UNREADABLE: 503,
}
_LONGEST_HEADER = 256


class RefusalRecord(BaseModel):
    """Why a request was refused: `code` is the same in every language, `detail` is a sentence for people.

    With the code `values_wrong`, `detail` is a list that says of each wrong value where it is and what is wrong.
    """

    code: RefusalCode
    detail: str | list[dict[str, Any]]


def answers(descriptions: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return the refusals of a route, for its description: status to what it means."""
    return {status: {"description": words, "model": RefusalRecord} for status, words in descriptions.items()}


def needs(role: Role) -> dict[str, Any]:
    """Return what the description of a route says of who may: a token or a session of a role."""
    return {"security": [{"token": [role.value]}, {"session": [role.value]}]}


def refusal_response(
    connection: HTTPConnection, error: RefusedError, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer to a request that is refused."""
    t = reader_of(connection)
    content = {"code": str(error.code), "detail": t(error.words)}
    return JSONResponse(content, _STATUS.get(error.code, _CONFLICT), headers, "application/json; charset=utf-8")


def role_missing(role: Role) -> RefusedError:
    """Return that the caller lacks a role."""
    return RefusedError(Phrase("this needs the role {role}", role=str(role)), RefusalCode.ROLE_MISSING)


def bed_unknown() -> RefusedError:
    """Return that there is no such bed, or none that the caller may see."""
    return RefusedError(Phrase("there is no such bed"), RefusalCode.BED_UNKNOWN)


def configuration_refused(error: ConfigError) -> RefusedError:
    """Return that a configuration was not changed; the reason is in the words of who keeps the station."""
    words = Phrase("nothing was changed: {reason}", reason=reason_of(error))
    return RefusedError(words, RefusalCode.CONFIGURATION_REFUSED)


def history_unreadable(error: HistoryError) -> RefusedError:
    """Return that the record of days past cannot be read now."""
    words = Phrase("the history cannot be read now: {reason}", reason=str(error))
    return RefusedError(words, RefusalCode.HISTORY_UNREADABLE)


def reader_of(connection: HTTPConnection) -> Localizer:
    """Return the caller's language: chosen on the page, else asked for by a program, else the station's."""
    usual = localizer_of(connection)
    if LANGUAGE_COOKIE in connection.cookies:
        return usual
    asked = connection.headers.get("accept-language", "")[:_LONGEST_HEADER]
    for part in asked.split(","):
        tag = part.partition(";")[0].strip().lower()
        found = next((known for known in LANGUAGES if tag in {known.lower(), known.lower().partition("-")[0]}), None)
        found = found or next((known for known in LANGUAGES if tag.partition("-")[0] == known.lower()), None)
        if found is not None:
            return Localizer(found)
    return usual
