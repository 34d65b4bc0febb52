"""The page and the API, served, on a board that a test writes to."""

import socket
import threading
import time

import httpx
import uvicorn

from monitor.alerts.record import AlertContext, AlertModel, GenerationMode, compose_alert
from monitor.board import BedInfo, Board
from monitor.clock import ManualClock, SystemClock
from monitor.config import StationConfig
from monitor.control.access import Role
from monitor.history.recorder import HistoryRecorder
from monitor.pain.vocabulary import (
    AlarmEvidence,
    Code,
    Kind,
    Observation,
    Phase,
    Priority,
    Signal,
    Transition,
    Validity,
)
from monitor.web.access import Access
from monitor.web.app_context import AppContext
from monitor.web.application import build_api
from monitor.web.guard import Guard
from monitor.web.preview import Previews
from monitor.web.push.notices import PushNotices
from monitor.web.sessions import SESSION_COOKIE, Sessions


class Rig:
    """The application, served, on a board that the test writes to."""

    def __init__(
        self,
        directory,
        users=None,
        anonymous="none",
        host="127.0.0.1",
        allowed_hosts=(),
        history=False,
        preview="off",
        push=None,
    ):
        self.clock = ManualClock(1000.0) if push is None else SystemClock()
        self.config = StationConfig.model_validate(
            {
                "beds": [{"id": f"bed-{n}", "camera": {"url": "synthetic://calm"}} for n in (1, 2)],
                "web": {
                    "anonymous_role": anonymous,
                    "allowed_hosts": allowed_hosts,
                    "users_file": users,
                    "push": push or {},
                },
                "http": {"host": host},
                "spool": {"directory": str(directory)},
            }
        )
        self.board = Board(
            [BedInfo(f"bed-{n}", f"cam-{n}") for n in (1, 2)], self.clock, on_level=0.6, keeps_pictures=True
        )
        self.acknowledged = []
        self.history = None
        if history:
            self.history = HistoryRecorder(self.config.history, directory / "history", self.board, self.clock)
        access = Access(users, Sessions(b"k" * 32, 1.0), None if anonymous == "none" else Role(anonymous))
        self.audited = []
        self.push = None
        if push is not None:
            self.push = PushNotices(
                self.config, self.board, self.clock, lambda: access, audit=lambda *entry: self.audited.append(entry)
            )
            self.push.start()
        self.site = AppContext(
            running=lambda: self.config,
            board=self.board,
            clock=self.clock,
            access=access,
            handle=self.handle,
            previews=Previews(self.board, preview),
            history=self.history,
            endpoints={"/healthz": lambda: (200, "application/json", b"{}")},
            push=self.push,
        )
        app = Guard(build_api(self.site), self.site)
        options = {"log_level": "warning", "ws": "websockets-sansio", "timeout_graceful_shutdown": 1}
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, **options))
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.own = {"Origin": self.url}
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.clients = []
        self.thread.start()

    def handle(self, order):
        self.acknowledged.append(order)
        return True

    def client(self, **options):
        self.clients.append(httpx.Client(base_url=self.url, timeout=60, trust_env=False, **options))
        return self.clients[-1]

    def close(self):
        for client in self.clients:
            client.close()
        self.site.closing.set()
        if self.push is not None:
            self.push.stop()
        while not self.server.started:
            time.sleep(0.01)
        self.server.should_exit = True
        self.thread.join(20)
        self.socket.close()
        assert not self.thread.is_alive()

    def observe(self, bed="bed-1", level=0.2, **changes):
        now = self.clock.monotonic()
        valid = Validity.INVALID if level is None else Validity.VALID
        fields = {"time_seconds": now, "score": level, "level": level, "display_level": level, "coverage": 0.9,
                  "on_share": None if level is None else 0.1, "validity": valid, "seconds_since_face": 0.0}  # fmt: skip
        self.board.observe(bed, Observation(**{**fields, **changes}))

    def alert(self, alert_id="a1", bed="bed-1", **changes):
        now = self.clock.monotonic()
        fields = {
            "alert_id": alert_id, "code": Code.PAIN_SIGN, "kind": Kind.PHYSIOLOGICAL, "phase": Phase.START,
            "priority": Priority.LOW, "condition_present": True, "signal": Signal.ON, "validity": Validity.VALID,
            "onset_seconds": now - 3, "determined_seconds": now, "evidence": AlarmEvidence(0.7, 0.5, 0.9, 120),
            "acknowledged_by": None, "acknowledged_seconds": None, "detail": "Seen.", "remedy": "Look.",
        }  # fmt: skip
        model = AlertModel(name="ncnn-demo", sha256="5" * 64)
        context = AlertContext("station-1", bed, "cam-1", GenerationMode.TEST, model, "0" * 64)
        draft = compose_alert(Transition(**{**fields, **changes}), context, self.clock)
        self.board.transition(bed, draft)
        return draft


def logged_in(rig, name="anna", language="en"):
    """Return a client with a session of its own, as after a login; checking a password would cost 0.2 s."""
    client = rig.client(
        headers={**rig.own, "User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/140.0 Mobile Safari/537"}
    )
    client.cookies.set("nicu_language", language)
    client.cookies.set(SESSION_COOKIE, rig.site.access.cookie_for(rig.site.access.users().get(name)))
    return client
