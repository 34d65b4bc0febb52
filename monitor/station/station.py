"""The composition root: one station from configuration to running daemon and back to rest.

`Station` builds the parts and starts and stops them; what comes out of them is recorded by `ResultRecorder` (frames)
and `StatusReporter` (everything that is checked a few times a second). The way of one frame: `BedPipeline`.
"""

import logging
import os
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from types import TracebackType
from typing import Self

from monitor import __version__
from monitor.alerts.record import AlertContext, AlertModel, GenerationMode
from monitor.board.board import Board
from monitor.board.status_records import BedInfo, StationStatus
from monitor.clock import Clock, SystemClock
from monitor.config import BedSettings, StationConfig
from monitor.config.file import config_hash
from monitor.control.access import AccessList
from monitor.control.requests import OperatorRequest
from monitor.delivery.publisher import Publisher
from monitor.delivery.redis_session import SessionEvents
from monitor.faces.search_budget import SearchBudget
from monitor.inference.bundle_backup import BundleBackup
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Transition
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.pipeline.models import ModelSet
from monitor.pipeline.scheduler import FairScheduler
from monitor.station.adaptive_rate import AdaptiveRate
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.capacity_watch import CapacityWatch
from monitor.station.left_alerts import end_left_alerts
from monitor.station.load_governor import LoadGovernor
from monitor.station.machine_checks import MachineChecks
from monitor.station.measured_capacity import CapacityMeter, capacity_warning
from monitor.station.outputs import StationOutputs
from monitor.station.request_handler import RequestHandler
from monitor.station.result_recorder import ResultRecorder
from monitor.station.station_conditions import StationConditions
from monitor.station.status_reporter import StatusReporter
from monitor.station.supervisor import Supervisor
from monitor.station.synthetic_cameras import paint_synthetic_bed
from monitor.station.throughput import Throughput
from monitor.station.workers import WorkerPool
from monitor.telemetry.audit_log import AuditLog
from monitor.telemetry.clock_sync import is_synchronised
from monitor.telemetry.heartbeats import Heartbeats
from monitor.telemetry.label_clock import LabelClock
from monitor.telemetry.metrics import StationMetrics
from monitor.telemetry.sd_notify import ServiceNotifier
from monitor.telemetry.status_server import Health
from monitor.video.camera import Camera
from monitor.video.status import CameraState
from monitor.web.http_server import HttpServer, open_server

__all__ = ["Station"]

_log = logging.getLogger(__name__)

_DECISION_SECONDS = 5.0
_PUBLISHER_LIMIT_SECONDS = 30.0
_WRITER = "alert writer"
_MODELS = "models"
"""Where the copies of the models lie in the state directory."""
_AUDIT = "audit"
"""Where the audit log lies in the state directory."""
_HISTORY_SHOWN = 2_000
_SEARCH_SHARE = 0.4
"""Of each worker's time, the most that searches for faces may take."""


class Station:
    """All parts of one daemon; a context manager that starts and stops them.

    Args:
        config: What to watch, and how.
        mode: Where the pictures come from; part of every alert.
        clock: Monotonic and wall time.
        on_result: Called after every analysed frame with its bed, its outcome, and the frame's age in seconds; from a
            worker's thread.

    Raises:
        MonitorError: A model, the state directory, the HTTP address or the configuration cannot be used. Cameras and
            Redis may be away: they are tried indefinitely.
    """

    def __init__(
        self,
        config: StationConfig,
        mode: GenerationMode = GenerationMode.REAL,
        clock: Clock | None = None,
        on_result: Callable[[BedPipeline, FrameResult, float], None] | None = None,
    ) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        # Synthetic infants are a demo, whoever runs them; only a station that sees a real camera is real.
        all_synthetic = all(_is_synthetic(bed) for bed in config.beds)
        self._mode = GenerationMode.DEMO if all_synthetic and mode is GenerationMode.REAL else mode
        self._models = ModelSet(config.models, config.faces, BundleBackup(config.spool.directory / _MODELS))
        self._heartbeats = Heartbeats(self.clock)
        self._throughput = Throughput()
        self._governor = LoadGovernor(config.analysis.frames_per_second)
        self._capacity = CapacityMeter(config, self.clock)
        self._search_budget = SearchBudget(self.clock.monotonic, _SEARCH_SHARE * self._worker_count())
        self._scheduler = FairScheduler()
        self._notifier = ServiceNotifier()
        self.audit = AuditLog(
            config.spool.directory / _AUDIT, self.clock, ticked=lambda: self._heartbeats.beat("audit log")
        )
        self._outputs = self._build_outputs()
        self.publisher, self.metrics, self.board = self._outputs.publisher, self._outputs.metrics, self._outputs.board
        self.dispatcher = AlertDispatcher(self._contexts(), LabelClock(self.clock), self._outputs, self.audit.note)
        self.beds: dict[str, BedPipeline] = {}
        self.cameras: dict[str, Camera] = {}
        for index, settings in enumerate(config.beds):
            # Beds take turns: started together, they would all want the workers at the same moments.
            self._add_bed(settings, phase=index / len(config.beds))
        self.conditions = StationConditions(
            StationAlarms(config.alarms, lambda: uuid.uuid4().hex), self.clock, self.dispatcher
        )
        self.requests = RequestHandler(self.beds, self.conditions, self.dispatcher, self.clock)
        analysis = config.analysis
        rate = AdaptiveRate(analysis.frames_per_second, analysis.calm_frames_per_second, config.alarms.off_level)
        self.recorder = ResultRecorder(
            self.clock,
            self.cameras,
            self._outputs,
            self._throughput,
            rate,
            self._governor,
            self._models.degraded,
            on_result,
        )
        self._supervisor = Supervisor(
            self.clock,
            self._heartbeats,
            {name: (bed, self.cameras[name]) for name, bed in self.beds.items()},
            CapacityWatch(self._throughput, self._governor, rate.least_rate, self._busy_seconds, self._capacity),
            MachineChecks(self.clock, self.publisher.stats, config.spool.directory),
            StatusReporter(self.clock, self._outputs, self.conditions, str(self._mode), self._status),
            self._notifier,
        )
        self._workers: WorkerPool | None = None
        self._engine: str | None = None
        self.server: HttpServer | None = None
        self._running = ExitStack()

    def _build_outputs(self) -> StationOutputs:
        config = self.config
        metrics = StationMetrics(config.station.id, self._mode, self.clock)
        access = config.redis.command_access_file
        publisher = Publisher(
            config.redis,
            config.spool,
            config.station.id,
            self.clock,
            access=None if access is None else AccessList.read(access),
            events=SessionEvents(published=metrics.published, command=metrics.command),
            watching=lambda: not self._heartbeats.late(),
            ticked=lambda: self._heartbeats.beat("publisher"),
            writer_ticked=lambda: self._heartbeats.beat(_WRITER),
        )
        board = Board(
            [BedInfo(bed.id, bed.camera_id) for bed in config.beds],
            self.clock,
            on_level=config.alarms.on_level,
            keeps_pictures=config.web.preview != "off",
        )
        return StationOutputs(publisher, metrics, board)

    def _add_bed(self, settings: BedSettings, phase: float) -> None:
        config = self.config
        bed = BedPipeline(
            settings,
            config.faces,
            config.alarms,
            new_id=lambda: uuid.uuid4().hex,
            stopwatch=self.clock.monotonic,
            expected_prior=config.models.expected_prior,
            on_change=self._record_change,
            phase=phase,
            search_budget=self._search_budget,
        )
        self.beds[bed.id] = bed
        self.cameras[bed.id] = Camera(
            settings.camera,
            bed.camera_id,
            self.clock,
            config.analysis.frames_per_second,
            self._scheduler.wake,
            synthetic=paint_synthetic_bed,
            phase=phase,
            may_shed=self._governor.may_shed,
        )

    def __enter__(self) -> Self:
        """Start everything."""
        with ExitStack() as started:
            self._start(started)
            self._running = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything: cameras first, alerts last."""
        self._notifier.stopping()
        self._running.close()

    @property
    def left_behind(self) -> bool:
        """Whether a worker did not end with the station, because it hangs in a model."""
        return self._workers is not None and self._workers.running > 0

    def _start(self, started: ExitStack) -> None:
        """Start the parts, last consumer first, so that nothing is produced before somebody takes it."""
        config = self.config
        self._restore()
        opened = [self._models.open() for _ in range(self._worker_count())]
        self._models.save_backup()
        for role, bundle in (("detector", self._models.detector), ("classifier", self._models.classifier)):
            self.metrics.show_model(role, bundle.name, bundle.sha256, opened[0].engine)
        self._engine = opened[0].engine
        self._workers = WorkerPool(opened, self.beds, self._scheduler, self._heartbeats, self.recorder)
        self.server = open_server(
            config,
            self.board,
            self.clock,
            handle=self._handle,
            registry=self.metrics.registry,
            healthy=self.healthy,
            ready=self.ready,
        )
        self.metrics.watch_publisher(self.publisher.stats)
        self.metrics.watch_clock(is_synchronised)
        self._heartbeats.expect("publisher", _PUBLISHER_LIMIT_SECONDS)
        self._heartbeats.expect(_WRITER, _PUBLISHER_LIMIT_SECONDS)
        self._heartbeats.expect("audit log", _PUBLISHER_LIMIT_SECONDS)
        for start, stop in (
            (self.audit.start, self._stop_audit),
            (partial(self.publisher.start, self._handle), self._stop_publisher),
            (self.server.start, self.server.stop),
            (self._workers.start, self._workers.stop),
            (self._supervisor.start, self._supervisor.stop),
        ):
            start()
            started.callback(stop)
        for name, camera in self.cameras.items():
            self._scheduler.add(name, camera.latest_frame)
            self.metrics.add_camera(name, camera.camera_id, camera.status)
            camera.start()
            started.callback(camera.stop)
        self.audit.note(
            "station_started",
            {"station": config.station.id, "version": __version__, "config_hash": config_hash(config)},
        )
        if warning := capacity_warning(config, self._capacity.measured):
            _log.warning("too many beds: %s", warning)
        self._notifier.ready(f"watching {len(self.beds)} beds")
        _log.info(
            "station %s watches %d beds with %d workers (%s, classifier %s); metrics at %s/metrics",
            *(config.station.id, len(self.beds), len(opened), self._engine, self._models.classifier.name),
            self.server.url,
        )

    def _worker_count(self) -> int:
        workers = self.config.analysis.workers or max(1, len(os.sched_getaffinity(0)))
        return min(workers, len(self.config.beds))

    def _busy_seconds(self) -> tuple[float, int]:
        workers = self._workers
        return (0.0, 1) if workers is None else (workers.busy_seconds, workers.wanted)

    def _contexts(self) -> dict[str | None, AlertContext]:
        model = AlertModel(name=self._models.classifier.name, sha256=self._models.classifier.sha256)
        digest = config_hash(self.config)
        cameras: dict[str | None, str | None] = {bed.id: bed.camera_id for bed in self.config.beds}
        synthetic = {bed.id for bed in self.config.beds if _is_synthetic(bed)}
        return {
            bed: AlertContext(
                station=self.config.station.id,
                bed=bed,
                camera=camera,
                generation_mode=(
                    GenerationMode.DEMO if bed in synthetic and self._mode is GenerationMode.REAL else self._mode
                ),
                model=model,
                config_hash=digest,
            )
            for bed, camera in {**cameras, None: None}.items()
        }

    def _restore(self) -> None:
        """Go on with the alarms of an earlier run, and show those that were over."""
        self.board.load_history(self.publisher.history(_HISTORY_SHOWN))
        kept = self.publisher.load_snapshots()
        restored: set[str] = set()
        for name, snapshot in kept.items():
            target = self.conditions if name == "" else self.beds.get(name)
            if target is None:
                _log.warning("bed %s left the configuration; its alarm state is deleted", name)
                self.publisher.remove_bed(name)
                continue
            try:
                active = target.restore(snapshot, self.clock.wall(), self.clock.monotonic())
            except (ValueError, KeyError, TypeError) as error:
                _log.warning(
                    "%s: the alarm state of the last run does not fit and is left: %s", name or "station", error
                )
                continue
            self.publisher.restore(self.dispatcher.show(name or None, active))
            restored |= {transition.alert_id for transition in active}
            if active:
                _log.info("%s: %d alarms of the last run are still on", name or "station", len(active))
        ends = end_left_alerts(self.publisher.newest_drafts(), restored, self.beds, self.clock.wall())
        if ends:
            self.publisher.submit(ends)
            for end in ends:
                self.audit.note("alert", {"alert": end.model_dump(mode="json")})
            _log.warning("%d alerts of an earlier run that nobody would end are ended now", len(ends))

    def _handle(self, request: OperatorRequest) -> bool:
        """Do what a person asks, and record who asked for what."""
        has_changed = self.requests.handle(request)
        details = {name: value for name, value in asdict(request).items() if value is not None}
        self.audit.note(type(request).__name__.lower(), {**details, "changed": has_changed})
        return has_changed

    def _stop_audit(self) -> None:
        self._heartbeats.forget("audit log")
        self.audit.note("station_stopped", {"station": self.config.station.id})
        self.audit.stop()

    def _stop_publisher(self) -> None:
        for name in (*self.beds, None):
            self.requests.store_state(name)
        self._heartbeats.forget("publisher")
        self._heartbeats.forget(_WRITER)
        self.publisher.stop()

    def _record_change(self, bed: BedPipeline, transitions: tuple[Transition, ...]) -> None:
        self.dispatcher.record(bed.id, transitions, bed.snapshot(self.clock.wall()))

    def _status(self) -> StationStatus:
        now, stats, workers = self.clock.monotonic(), self.publisher.stats(), self._workers
        return StationStatus(
            station_id=self.config.station.id,
            version=__version__,
            generation_mode=str(self._mode),
            model_generation=self._models.classifier.manifest.generation,
            detector=self._models.detector.name,
            classifier=self._models.classifier.name,
            engine=self._engine,
            workers=0 if workers is None else workers.running,
            workers_wanted=0 if workers is None else workers.wanted,
            frames_per_second=sum(self._throughput.rate(bed, now) for bed in self.beds),
            publisher_backlog=stats.backlog_count,
            redis_up=stats.redis_up,
            clock_synchronised=is_synchronised(),
            config_hash=config_hash(self.config),
        )

    def healthy(self) -> Health:
        """Return whether every loop turns."""
        late = self._heartbeats.late()
        return Health(not late, {"late": late})

    def ready(self) -> Health:
        """Return whether models are loaded and every bed whose camera plays is analysed."""
        now = self.clock.monotonic()
        waiting = []
        for name, camera in self.cameras.items():
            last = self._throughput.last_seconds(name)
            is_analysed = last is not None and now - last < _DECISION_SECONDS
            if camera.status().state is CameraState.PLAYING and not is_analysed:
                waiting.append(name)
        workers = 0 if self._workers is None else self._workers.running
        return Health(workers > 0 and not waiting, {"workers": workers, "beds_without_decision": waiting})


def _is_synthetic(bed: BedSettings) -> bool:
    return bed.camera.url.startswith("synthetic://")
