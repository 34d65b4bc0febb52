"""A station without cameras and models, as a process of its own: real alarm logic, real board, real page.

What the beds show comes on standard input, one JSON object a line; the address of the page is the first line on
standard output. Not a test; the fixtures of conftest.py have it forked by forker.py.
"""

import argparse
import faulthandler
import gettext
import json
import signal
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

import monitor.web.pages.registration  # noqa: F401 - before the fork, for it takes longest
from monitor.alerts.record import AlertContext, AlertModel, GenerationMode, compose_alert
from monitor.board import BedInfo, BedPause, Board, StationStatus
from monitor.clock import SystemClock
from monitor.commands.signal_event import SignalEvent
from monitor.config import RegionOfInterest, StationConfig
from monitor.config.file import read_config
from monitor.config.region_edit import write_region
from monitor.control.requests import Acknowledge, Admit, Discharge, Pause, Procedure, Standby, Undo, Withdraw
from monitor.faces.patient_tracker import FrameFaces, TrackedFace
from monitor.history.recorder import HistoryRecorder
from monitor.localization import localizer
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import Code, Sample, Visibility
from monitor.pipeline.models import ModelSet
from monitor.station import camera_trials
from monitor.station.camera_trials import CameraTrials
from monitor.station.reloading import Reloader
from monitor.synthetic.bed import SyntheticBed
from monitor.telemetry.status_server import Health
from monitor.video.frame import Frame
from monitor.video.status import CameraState, CameraStatus
from monitor.web.http_server import open_server
from monitor.web.pages import handover_page, layout

STEP_SECONDS = 0.2
BEFORE_SECONDS = 20.0
"""What a past has of calm before anything happens."""
LONGEST_GAP_SECONDS = 0.5
"""A busy machine makes no longer gap in what the beds show: over one of two seconds no face is followed."""


class Brackets(gettext.NullTranslations):
    """A language in which every message stands in brackets: what does not was never looked up."""

    def gettext(self, message):
        return f"⟦{message}⟧"

    def ngettext(self, one, many, count):
        return f"⟦{one if count == 1 else many}⟧"


class StagedBed:
    def __init__(self, settings, alarms, seed):
        self.id = settings.id
        self.camera_id = f"{settings.id}-camera"
        self.numbers = iter(range(1, 1_000_000))
        self.monitor = BedAlarms(alarms, self.new_id)
        self.score = 0.1
        self.visibility = Visibility.USABLE
        self.camera = CameraState.PLAYING
        self.just_now = False  # what was said of it stays said just now
        self.random = np.random.default_rng(seed)
        self.synthetic = None  # made when a picture is wanted: it takes a second
        self.seed = seed
        self.picture = None

    def new_id(self):
        return f"{self.id}-alert-{next(self.numbers)}"

    def change_alarms(self, alarms):
        before = self.monitor
        self.monitor = BedAlarms(alarms, self.new_id)
        self.monitor.restore(before.snapshot(), before.now_seconds)

    def step(self, time_seconds):
        """Return what a camera's frame at this time leads to: observation, transitions, frame and its faces."""
        if self.camera is not CameraState.PLAYING:
            return self.monitor.observation(), self.monitor.tick(time_seconds).transitions
        score = float(np.clip(self.score + 0.05 * self.random.standard_normal(), 0, 1))
        seen = self.visibility is Visibility.USABLE
        step = self.monitor.observe(Sample(time_seconds, score if seen else None, self.visibility))
        return step.observation, step.transitions

    def picture_at(self, time_seconds, index):
        """Return a synthetic picture, a new one every second only, for drawing is slow."""
        if self.picture is None or index % 5 == 0:
            if self.synthetic is None:
                self.synthetic = SyntheticBed(self.seed, width_px=960, height_px=540)
            image, truth = self.synthetic.frame(time_seconds % 600)
            face = None if truth.face is None else TrackedFace(1, truth.face)
            faces = () if face is None else (face,)
            self.picture = image, FrameFaces(faces, face, Visibility.USABLE, None, 1, 0)
        image, frame_faces = self.picture
        return Frame(image, time_seconds, None, index), frame_faces


class StagedStation:
    def __init__(self, config, file, ward=None):
        self.config = config
        self.ward = ward
        self.file = file
        self.clock = SystemClock()
        self.lock = threading.Lock()
        self.stopping = SignalEvent()
        self.lived_seconds = self.clock.monotonic()
        self.beds = {b.id: StagedBed(b, config.alarms, n) for n, b in enumerate(config.beds)}
        watcher = None if ward is None else "station-7"
        infos = [BedInfo(bed.id, f"{bed.id}-camera", watcher, bed.region_of_interest.edges) for bed in config.beds]
        self.board = Board(infos, self.clock, on_level=config.alarms.on_level, keeps_pictures=True)
        self.history = HistoryRecorder(config.history, config.spool.directory / "history", self.board, self.clock)
        self.reloader = Reloader(self.read, lambda: self.config, self.apply, self.audit, file)
        self.trials = CameraTrials(
            lambda: self.config, self.open_models, self.reloader.change_camera, self.clock, self.audit
        )
        self.server = open_server(
            config,
            self.board,
            self.clock,
            handle=self.handle if ward is None else self.send,
            registry=CollectorRegistry(),
            healthy=lambda: Health(ok=True),
            ready=lambda: Health(ok=True),
            running=lambda: self.config,
            change_region=self.change_region,
            cameras=self.trials,
            audit=self.audit,
            history=self.history,
            ward=None if ward is None else dict,
        )

    def read(self):
        return read_config(self.file)

    def apply(self, changes, new):
        self.config = new
        if changes.alarm_fields:
            with self.lock:
                for bed in self.beds.values():
                    bed.change_alarms(new.alarms)
            self.board.change_on_level(new.alarms.on_level)

    def open_models(self):
        return ModelSet(self.config.models, self.config.faces).open()

    def audit(self, event, details):
        with (self.file.parent / "audit.jsonl").open("a") as file:
            file.write(json.dumps({"event": event, **details}) + "\n")

    def change_region(self, by, bed_id, edges):
        """Write a region as a station does, and show it; what analyses pictures is not here."""
        names = ("left", "top", "right", "bottom")
        write_region(self.file, bed_id, RegionOfInterest(**dict(zip(names, edges, strict=True))))
        infos = [bed.info for bed in self.board.snapshot().beds]
        self.board.watch([replace(info, region=edges) if info.bed_id == bed_id else info for info in infos])
        return (f"{bed_id} was changed by {by}.",)

    def record(self, bed, transitions):
        context = AlertContext(
            self.config.station.id, bed.id, bed.camera_id, GenerationMode.TEST,
            AlertModel(name="ncnn-demo", sha256="5" * 64), "c" * 64,
        )  # fmt: skip
        for transition in transitions:
            self.board.transition(bed.id, compose_alert(transition, context, self.clock))

    def handle(self, order):
        changed = self.carry_out(order)
        details = {name: value for name, value in asdict(order).items() if value is not None}
        self.history.note(type(order).__name__.lower(), {**details, "changed": changed})
        return changed

    def send(self, order):
        """Do as a ward, whose stations do what is asked a moment later, or drop it."""
        if self.ward == "takes":
            threading.Timer(0.5, self.handle, [order]).start()
        return True

    def carry_out(self, order):
        with self.lock:
            now = self.catch_up()
            if isinstance(order, Acknowledge):
                for bed in self.beds.values():
                    self.record(bed, bed.monitor.acknowledge(order.alert_id, order.by, now))
                return True
            if isinstance(order, Withdraw):
                withdrawn = [(bed, bed.monitor.withdraw(order.alert_id, order.by, now)) for bed in self.beds.values()]
                for bed, transitions in withdrawn:
                    self.record(bed, transitions)
                return any(transitions for _, transitions in withdrawn)
            bed = self.beds[order.bed]
            if isinstance(order, Admit | Discharge | Standby | Procedure | Undo):
                return self.occupy(bed, order, now)
            if isinstance(order, Pause):
                self.record(bed, bed.monitor.pause(order.by, now, order.duration_seconds))
                self.show_requests(bed)
                return bool(bed.monitor.paused_codes())
            was_paused = bool(bed.monitor.paused_codes())
            self.record(bed, bed.monitor.resume(now))
            self.show_requests(bed)
            return was_paused

    def show_requests(self, bed):
        pause = bed.monitor.pause_in_force()
        self.board.pause(bed.id, None if pause is None else BedPause(pause.by, pause.until_seconds))
        recent = bed.monitor.recent_statement
        if bed.just_now and recent is not None:
            recent = replace(recent, at_seconds=self.clock.monotonic())
        self.board.occupy(bed.id, bed.monitor.occupancy, recent)

    def occupy(self, bed, order, now):
        match order:
            case Admit():
                changed = bed.monitor.admit(order.by, now, order.infant)
            case Procedure():
                changed = bed.monitor.begin_procedure(order.by, now, order.kind, order.duration_seconds, order.note)
            case Undo():
                changed = bed.monitor.undo(order.statement, order.by, now)
            case Discharge():
                changed = bed.monitor.discharge(order.by, now)
            case Standby():
                changed = bed.monitor.standby(
                    order.by, now, order.duration_seconds, until_face=order.until_face, reason=order.reason
                )
        self.record(bed, changed)
        self.show_requests(bed)
        return bool(changed)

    def set_bed(self, order):
        with self.lock:
            self.set_bed_at(self.catch_up(), order)

    def set_bed_at(self, time_seconds, order):
        bed = self.beds[order["bed"]]
        bed.score = order.get("score", bed.score)
        bed.visibility = Visibility(order.get("visibility", bed.visibility))
        bed.just_now = order.get("just_now", bed.just_now)
        if "camera" in order:
            bed.camera = CameraState(order["camera"])
            is_lost = bed.camera is CameraState.LOST
            self.record(bed, bed.monitor.report(Code.CAMERA_LOST, is_lost, time_seconds))

    def advance(self, time_seconds, index, *, with_picture):
        for bed in self.beds.values():
            observation, transitions = bed.step(time_seconds)
            is_seen = with_picture and self.config.web.preview != "off" and bed.camera is CameraState.PLAYING
            frame, frame_faces = bed.picture_at(time_seconds, index) if is_seen else (None, None)
            self.board.observe(bed.id, observation, frame, frame_faces)
            self.record(bed, transitions)
            self.show_requests(bed)
            self.board.camera(
                bed.id,
                CameraStatus(
                    bed.camera_id, "rtsp://192.0.2.10/stream1", bed.camera, 0.1, size_px=(1280, 720),
                    frames_per_second=25.0,
                ),
            )  # fmt: skip
        self.board.station(
            StationStatus(
                self.config.station.id, "0.1.0", "test", "demo", "retinaface", "ncnn-demo", "onnxruntime", 2, 2,
                5.0 * len(self.beds), 0, redis_up=True, config_hash="c" * 64,
            )
        )  # fmt: skip

        self.lived_seconds = time_seconds

    def catch_up(self):
        """Live through the steps that a busy machine left out; return the time."""
        now = self.clock.monotonic()
        while now - self.lived_seconds > LONGEST_GAP_SECONDS:
            self.advance(self.lived_seconds + LONGEST_GAP_SECONDS, 0, with_picture=False)
        return now

    def live_past(self, requests):
        """Live through a past: `requests` are [age in seconds, order], oldest first."""
        now = self.clock.monotonic()
        waiting = list(requests)
        steps = int((waiting[0][0] + BEFORE_SECONDS) / STEP_SECONDS)
        for left in range(steps, 0, -1):
            time_seconds = now - left * STEP_SECONDS
            while waiting and time_seconds >= now - waiting[0][0]:
                self.set_bed_at(time_seconds, waiting.pop(0)[1])
            self.advance(time_seconds, 0, with_picture=False)

    def run(self):
        index = 0
        while not self.stopping.wait(STEP_SECONDS):
            with self.lock:
                self.advance(self.catch_up(), index, with_picture=True)
            index += 1


def main(arguments):
    faulthandler.enable()
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--past", type=json.loads, default=[])
    parser.add_argument("--pseudo", action="store_true", help="say everything in brackets, as a language of its own")
    parser.add_argument("--patient", action="store_true", help="let a page that is loaded again offer undo for minutes")
    parser.add_argument("--ward", choices=["takes", "drops"], help="be a ward, whose station takes requests or not")
    parser.add_argument("--slow", action="store_true", help="take five seconds to read a handover")
    options = parser.parse_args(arguments)
    if options.patient:  # a busy machine takes longer than ten seconds to load a page
        layout.UNDO_SECONDS = camera_trials._UNDO_SECONDS = 300.0
    if options.slow:
        read_at_once = handover_page.read_handover
        handover_page.read_handover = lambda *asked: (time.sleep(5.0), read_at_once(*asked))[1]
    if options.pseudo:
        localizer._catalogue = lambda _language: Brackets()
    station = StagedStation(StationConfig.model_validate_json(options.config.read_text()), options.config, options.ward)
    signal.signal(signal.SIGTERM, lambda *_: station.stopping.set())
    if options.past:
        station.live_past(options.past)
    station.history.start()
    station.server.start()
    print(station.server.url, flush=True)

    def listen():
        for line in sys.stdin:
            order = json.loads(line)
            if order.get("reload"):
                station.reloader.reload("a test")
            else:
                station.set_bed(order)
        station.stopping.set()

    threading.Thread(target=listen, daemon=True).start()
    station.run()
    station.trials.stop()
    station.server.stop()
    station.history.stop()
