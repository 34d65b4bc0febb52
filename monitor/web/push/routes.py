"""The requests by which a page asks for notices on its device, and the worker of the browser that shows them."""

import re
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from monitor.control.access import Role
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase, message
from monitor.web.access import HeldLogin
from monitor.web.app_context import localizer_of, site_of, visitor_of
from monitor.web.proxies import user_of_proxy
from monitor.web.push.client import PushOutcome
from monitor.web.push.devices import PushChoices, PushDevice
from monitor.web.push.notices import PushNotices
from monitor.web.push.services import LONGEST_ENDPOINT
from monitor.web.refusals import answers, needs
from monitor.web.sessions import SESSION_COOKIE

__all__ = [
    "PUSH_WORKER_PATH",
    "DeviceRecord",
    "DeviceRequest",
    "PushRecord",
    "RemovalRecord",
    "TrialRecord",
    "push_routes",
    "worker_routes",
]

PUSH_WORKER_PATH = "/push-worker.js"
"""At the root, for a worker serves the pages below its own address."""

_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_TRIAL_WORDS = {
    PushOutcome.DELIVERED: message("The push service has taken it. It should be here in some seconds."),
    PushOutcome.GONE: message("The push service does not know this device any more: turn its notices on again."),
    PushOutcome.REFUSED: message("The push service refuses it: {reason}."),
    PushOutcome.AWAY: message("This station does not reach the push service: {reason}."),
}
_REFUSALS = {
    403: "Nobody is logged in on the page with whose login the notices could begin and end.",
    404: "This station sends no notices, or there is no such device.",
    409: "There are too many devices, or others try theirs now.",
}


class DeviceRecord(BaseModel):
    """One of the caller's devices; its address and keys are in no answer."""

    id: str
    label: str
    added_at: str
    problem: str | None
    choices: PushChoices


class PushRecord(BaseModel):
    """Whether notices can be sent to this browser, and to which devices they are sent.

    `problem` is a sentence where they cannot; `public_key` is what the browser needs of the station's key.
    """

    problem: str | None
    public_key: str | None
    may_name_beds: bool
    unreached: list[str]
    devices: list[DeviceRecord]


class DeviceRequest(PushChoices):
    """A browser's subscription, as it gives it, and of what it should be notified."""

    endpoint: Annotated[str, Field(max_length=LONGEST_ENDPOINT)]
    p256dh: Annotated[str, Field(max_length=128)]
    auth: Annotated[str, Field(max_length=64)]


class TrialRecord(BaseModel):
    """What became of a notice that somebody sent to try a device."""

    outcome: PushOutcome
    detail: str


class RemovalRecord(BaseModel):
    """Whether there was such a device."""

    removed: bool


def push_routes() -> APIRouter:
    """Return `GET /api/v1/push` and the requests below `/api/v1/push/devices`."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/push", tags=["push"], openapi_extra=needs(Role.VIEWER), responses=answers({404: _REFUSALS[404]}))
    def read_push(request: Request) -> PushRecord:
        """Return whether notices can be sent to the caller's browser, and the caller's devices."""
        push, t = _push_of(request), localizer_of(request)
        visitor = visitor_of(request)
        problem = None if push.problem is None else t(push.problem)
        if problem is None and _login_of(request) is None:
            problem = t("Only who is logged in with a name has notices: they end with the login.")
        unreached = [
            t("This station does not reach the push service: {reason}.", reason=f"{service}, {t(reason)}")
            for service, reason in push.failures().items()
        ]
        devices = () if visitor.name is None else push.devices_of(visitor.name)
        return PushRecord(
            problem=problem,
            public_key=push.public_key,
            may_name_beds=push.may_name_beds,
            unreached=unreached,
            devices=[_record(request, push, device) for device in devices],
        )

    @router.post("/push/devices", tags=["push"], openapi_extra=needs(Role.VIEWER), responses=answers(_REFUSALS))
    def add_device(request: Request, content: DeviceRequest) -> DeviceRecord:
        """Send notices to a browser from now on, or change what it gets; they end with the login that asks for them."""
        push = _push_of(request)
        device = push.add(
            _required_login(request),
            content.endpoint,
            content.p256dh,
            content.auth,
            _label(request.headers.get("user-agent", "")),
            localizer_of(request).language,
            PushChoices.model_validate(content.model_dump()),
        )
        return _record(request, push, device)

    @router.post(
        "/push/devices/{device}/remove", tags=["push"], openapi_extra=needs(Role.VIEWER), responses=answers(_REFUSALS)
    )
    def remove_device(request: Request, device: str) -> RemovalRecord:
        """Send nothing more to one of the caller's devices."""
        return RemovalRecord(removed=_push_of(request).remove(_required_login(request).name, device))

    @router.post(
        "/push/devices/{device}/test", tags=["push"], openapi_extra=needs(Role.VIEWER), responses=answers(_REFUSALS)
    )
    def try_device(request: Request, device: str) -> TrialRecord:
        """Send one of the caller's devices a notice that says that it is a trial; takes up to 15 s."""
        result, t = _push_of(request).try_device(_required_login(request).name, device), localizer_of(request)
        return TrialRecord(outcome=result.outcome, detail=t(_TRIAL_WORDS[result.outcome], reason=t(result.detail)))

    return router


def worker_routes() -> APIRouter:
    """Return the route of the browser's worker."""
    router = APIRouter(include_in_schema=False)

    @router.get(PUSH_WORKER_PATH)
    async def read_worker() -> Response:
        return FileResponse(str(files("monitor.web") / "assets" / "push-worker.js"), media_type="text/javascript")

    return router


def _push_of(request: Request) -> PushNotices:
    push = site_of(request).push
    if push is None:
        words = Phrase("this station sends no notices to people's devices; see web.push")
        raise RefusedError(words, RefusalCode.PUSH_OFF)
    return push


def _login_of(request: Request) -> HeldLogin | None:
    site, visitor = site_of(request), visitor_of(request)
    if visitor.name is None:
        return None
    by_proxy = user_of_proxy(request, site.config.web.user_header) is not None
    return site.access.login_of(visitor.name, request.cookies.get(SESSION_COOKIE), by_proxy=by_proxy)


def _required_login(request: Request) -> HeldLogin:
    login = _login_of(request)
    if login is None:
        words = Phrase("only who is logged in with a name has notices: they end with the login")
        raise RefusedError(words, RefusalCode.NOT_LOGGED_IN)
    return login


def _record(request: Request, push: PushNotices, device: PushDevice) -> DeviceRecord:
    t = localizer_of(request)
    now = site_of(request).clock.wall()
    refusal = push.refusal_of(device.id)
    problem = None if refusal is None else t(_TRIAL_WORDS[PushOutcome.REFUSED], reason=t(refusal))
    added = t.moment(now.fromtimestamp(device.added_seconds, now.tzinfo), now)
    return DeviceRecord(id=device.id, label=device.label, added_at=added, problem=problem, choices=device.choices)


def _label(agent: str) -> str:
    """Return what a browser and its device are called, from how the browser names itself."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), None)
    system = next((name for mark, name in _SYSTEMS if re.search(re.escape(mark), agent)), None)
    return ", ".join(part for part in (browser, system) if part) or "?"
