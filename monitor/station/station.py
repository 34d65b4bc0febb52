"""The composition root: one station from configuration to running daemon and back to rest.

`Station` builds the parts and starts and stops them; what comes out of them is recorded by `ResultRecorder` (frames)
and `StatusReporter` (everything that is checked a few times a second). The way of one frame: `BedPipeline`.
"""

import logging
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from monitor import __version__
from monitor.alerts.record import AlertModel, GenerationMode
from monitor.board.status_records import StationStatus
from monitor.clock import Clock, SystemClock
from monitor.config import BedSettings, StationConfig
from monitor.config.changes import ConfigChanges
from monitor.config.file import config_hash
from monitor.control.local_socket import LocalSocket
from monitor.faces.search_budget import SearchBudget
from monitor.inference.bundle_backup import BundleBackup
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Transition
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.pipeline.models import ModelSet
from monitor.pipeline.scheduler import FairScheduler
from monitor.station.adaptive_rate import AdaptiveRate
from monitor.station.alert_contexts import AlertContexts
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.bed_cameras import BedCameras
from monitor.station.camera_trials import CameraTrials
from monitor.station.capacity_watch import CapacityWatch
from monitor.station.fleet_beds import FleetBeds, claimed_beds, open_fleet, report_fleet
from monitor.station.left_alerts import LeftAlerts
from monitor.station.load_governor import LoadGovernor
from monitor.station.local_requests import LocalRequests
from monitor.station.machine_checks import MachineChecks
from monitor.station.measured_capacity import CapacityMeter, capacity_warning
from monitor.station.outputs import build_outputs
from monitor.station.record_keeping import RecordKeeping
from monitor.station.reloading import Reloader, ReloadReport
from monitor.station.request_handler import RequestHandler
from monitor.station.restoring import restore_alarms
from monitor.station.result_recorder import ResultRecorder
from monitor.station.station_conditions import StationConditions
from monitor.station.status_reporter import StatusReporter
from monitor.station.supervisor import Supervisor
from monitor.station.throughput import Throughput
from monitor.station.watched_beds import WatchedBeds
from monitor.station.workers import WorkerPool, worker_count
from monitor.telemetry.clock_sync import is_synchronised
from monitor.telemetry.heartbeats import Heartbeats
from monitor.telemetry.label_clock import LabelClock
from monitor.telemetry.sd_notify import ServiceNotifier
from monitor.telemetry.status_server import Health
from monitor.video.status import CameraState
from monitor.web.http_server import HttpServer, open_server

__all__ = ["Station"]

_log = logging.getLogger(__name__)

_DECISION_SECONDS = 5.0
_PUBLISHER_LIMIT_SECONDS = 30.0
_CONTROL_LIMIT_SECONDS = 120.0
"""A reload, which the control socket waits for, closes and opens cameras one after another."""
_WRITER = "alert writer"
_CONTROL = "control socket"
_FLEET = "fleet"
_FLEET_LIMIT_SECONDS = 60.0
"""Taking beds over, each with a camera to open and close, takes a while."""
_MODELS = "models"
"""Where the copies of the models lie in the state directory."""
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
        read_again: Reads the configuration's file again, for `reload`; None where there is none.
        config_file: That file.

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
        read_again: Callable[[], StationConfig] | None = None,
        config_file: Path | None = None,
    ) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        # Synthetic infants are a demo in every case; only a station that sees a real camera is real.
        all_synthetic = bool(config.beds) and all(bed.camera.is_synthetic for bed in config.beds)
        self._mode = GenerationMode.DEMO if all_synthetic and mode is GenerationMode.REAL else mode
        self._models = ModelSet(config.models, config.faces, BundleBackup(config.spool.directory / _MODELS))
        self._heartbeats = Heartbeats(self.clock)
        self._throughput = Throughput()
        self._governor = LoadGovernor(config.analysis.frames_per_second)
        self._capacity = CapacityMeter(config, self.clock)
        self._search_budget = SearchBudget(self.clock.monotonic, _SEARCH_SHARE * worker_count(config))
        self._scheduler = FairScheduler()
        self._notifier = ServiceNotifier()
        self._outputs = build_outputs(
            config,
            self._mode,
            self.clock,
            watching=self._is_watching,
            publisher_ticked=partial(self._heartbeats.beat, "publisher"),
            writer_ticked=partial(self._heartbeats.beat, _WRITER),
        )
        self.publisher, self.metrics, self.board = self._outputs.publisher, self._outputs.metrics, self._outputs.board
        self._records = RecordKeeping(config, self.board, self.clock, self._heartbeats)
        self.audit, self.history = self._records.audit, self._records.history
        classifier = self._models.classifier
        self._contexts = AlertContexts(self._mode, AlertModel(name=classifier.name, sha256=classifier.sha256))
        self._contexts.show(config, config.beds)
        self.dispatcher = AlertDispatcher(self._contexts.of, LabelClock(self.clock), self._outputs, self.audit.note)
        self._bed_cameras = BedCameras(config, self.clock, self._scheduler, self._governor, self._heartbeats)
        self.watched = WatchedBeds(self.clock, self._scheduler, self._outputs, self._new_bed, self._bed_cameras.new)
        self.beds, self.cameras = self.watched.beds, self.watched.cameras
        self._left = LeftAlerts(self._outputs, self.beds, self.clock, self.audit.note)
        for index, settings in enumerate(config.beds):
            # Beds take turns: started together, they would all want the workers at the same moments.
            self.watched.create(settings, phase=index / len(config.beds))
        self.conditions = StationConditions(
            StationAlarms(config.alarms, lambda: uuid.uuid4().hex), self.clock, self.dispatcher
        )
        self.requests = RequestHandler(
            self.beds, self.conditions, self.dispatcher, self.clock, self._records.note_request
        )
        rate = self._rate = AdaptiveRate.of(config)
        self.recorder = ResultRecorder(
            self.clock,
            self.cameras,
            self._outputs,
            self._throughput,
            rate,
            self._governor,
            lambda: self._models.degraded,
            on_result,
        )
        self._supervisor = Supervisor(
            self.clock,
            self._heartbeats,
            self.watched.pairs,
            CapacityWatch(self._throughput, self._governor, rate.least_rate, self._busy_seconds, self._capacity),
            MachineChecks(self.clock, self.publisher.stats, config.spool.directory),
            StatusReporter(self.clock, self._outputs, self.conditions, str(self._mode), self._status),
            self._notifier,
            self.watched.guard,
            lambda: report_fleet(self.fleet),
            lambda: None if self.server is None else self.server.fault,
        )
        parts = (self.watched, self._contexts, self._outputs, self.dispatcher)
        shared = FleetBeds(lambda: self.config, *parts, self.clock, self.audit.note)
        self.fleet = open_fleet(
            config,
            shared,
            self.clock,
            limit=lambda: claimed_beds(config, self._capacity.measured, worker_count(config)),
            watching=self._is_watching,
            handle=self.requests.handle,
            ticked=partial(self._heartbeats.beat, _FLEET),
        )
        self._reloader = Reloader(read_again, lambda: self.config, self._apply, self.audit.note, config_file)
        self._trials = CameraTrials(
            lambda: self.config, self._models.open, self._reloader.change_camera, self.clock, self.audit.note
        )
        local = LocalRequests(self._reloader, lambda: self.server, self.audit.note)
        beat = partial(self._heartbeats.beat, _CONTROL)
        self._control = LocalSocket(config.spool.directory, local.answer, ticked=beat)
        self._workers: WorkerPool | None = None
        self._engine: str | None = None
        self.server: HttpServer | None = None
        self._running = ExitStack()

    def _is_watching(self) -> bool:
        return not self._heartbeats.late()

    def _new_bed(self, settings: BedSettings, phase: float) -> BedPipeline:
        return BedPipeline(
            settings,
            self.config.faces,
            self.config.alarms,
            new_id=lambda: uuid.uuid4().hex,
            stopwatch=self.clock.monotonic,
            expected_prior=self.config.models.expected_prior,
            on_change=self._record_change,
            phase=phase,
            search_budget=self._search_budget,
        )

    def reload(self, by: str, *, dry_run: bool = False) -> ReloadReport:
        """Read the configuration again and apply it; see `Reloader.reload`."""
        return self._reloader.reload(by, dry_run=dry_run)

    def _apply(self, changes: ConfigChanges, new: StationConfig) -> None:
        self.watched.check((*changes.added, *(change.settings for change in changes.changed)))
        if changes.alarm_fields:
            self.watched.change_alarms(new.alarms)
            self.conditions.change_alarms(StationAlarms(new.alarms, lambda: uuid.uuid4().hex))
            self.board.change_on_level(new.alarms.on_level)
            self._rate.change_off_level(new.alarms.off_level)
        self.config = new
        self._contexts.show(new, new.beds)
        for index, settings in enumerate(changes.added):
            self.watched.create(settings, phase=(index + 0.5) / len(changes.added))
            self.watched.open(settings.id)
        for change in changes.changed:
            self.watched.change(change.settings, new_camera=change.new_camera)
        for bed in changes.removed:
            self.watched.close(bed)
            self._left.end(self.publisher.signalled_of(bed))
            self.publisher.remove_bed(bed)
            self._contexts.of.pop(bed, None)

    def __enter__(self) -> Self:
        """Start everything."""
        with ExitStack() as started:
            self._start(started)
            self._running = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything: who watches the cameras first, alerts last."""
        self._notifier.stopping()
        self._running.close()

    @property
    def camera_process_ids(self) -> tuple[int, ...]:
        """The system's numbers of the processes that hold cameras open beside this one."""
        return self._bed_cameras.process_ids

    @property
    def left_behind(self) -> bool:
        """Whether a worker did not end with the station, because it hangs in a model."""
        return self._workers is not None and self._workers.running > 0

    def _start(self, started: ExitStack) -> None:
        """Start the parts, last consumer first, so that nothing is produced before somebody takes it."""
        config = self.config
        parts = self.beds, self.conditions, self._outputs, self.dispatcher, self.clock, self._left
        restore_alarms(*parts, is_shared=config.fleet is not None)
        opened = [self._models.open()]
        wanted = worker_count(config, is_batched=self._models.is_batched)
        opened += [self._models.open() for _ in range(wanted - 1)]
        self._models.save_backup()
        for role, engine in opened[0].engines.items():
            bundle = self._models.bundle(role)
            self.metrics.show_model(role, bundle.name, bundle.sha256, engine)
        self._engine = opened[0].engine
        self._workers = WorkerPool(opened, self.beds, self._scheduler, self._heartbeats, self.recorder)
        self.server = open_server(
            config,
            self.board,
            self.clock,
            handle=self.requests.handle,
            registry=self.metrics.registry,
            healthy=self.healthy,
            ready=self.ready,
            running=lambda: self.config,
            reload=self._reloader.for_page,
            change_region=self._reloader.change_region,
            cameras=self._trials,
            audit=self.audit.note,
            history=self.history,
            heartbeats=self._heartbeats,
        )
        self.metrics.watch_publisher(self.publisher.stats)
        self.metrics.watch_clock(is_synchronised)
        if self._bed_cameras.use():
            self.metrics.watch_camera_processes(self._bed_cameras.use)
        if self.fleet is not None:
            self.metrics.watch_fleet(self.fleet.status)
        self._heartbeats.expect("publisher", _PUBLISHER_LIMIT_SECONDS)
        self._heartbeats.expect(_WRITER, _PUBLISHER_LIMIT_SECONDS)
        self._heartbeats.expect(_CONTROL, _CONTROL_LIMIT_SECONDS)
        for start, stop in (
            (self._records.start, self._records.stop),
            (partial(self.publisher.start, self.requests.handle, self._left.end), self._stop_publisher),
            (self.server.start, self.server.stop),
            (lambda: None, self._trials.stop),
            (self._workers.start, self._workers.stop),
            (self._bed_cameras.start, self._bed_cameras.stop),
            # A camera that the station itself stops is not lost: the supervisor ends before the cameras do.
            (lambda: None, self.watched.stop),
            (self._supervisor.start, self._supervisor.stop),
            (self._control.start, self._stop_control),
        ):
            start()
            started.callback(stop)
        for name in self.beds:
            self.watched.open(name)
        if self.fleet is not None:
            self._heartbeats.expect(_FLEET, _FLEET_LIMIT_SECONDS)
            self.fleet.start()
            started.callback(self.fleet.stop)
        self.audit.note(
            "station_started",
            {"station": config.station.id, "version": __version__, "config_hash": config_hash(config)},
        )
        if warning := capacity_warning(config, self._capacity.measured):
            _log.warning("too many beds: %s", warning)
        self._notifier.ready(f"watching {len(self.beds)} beds")
        _log.info(
            "station %s watches %d beds with %d workers and %d camera processes (%s, classifier %s); "
            "metrics at %s/metrics",
            *(config.station.id, len(self.beds), len(opened), len(self._bed_cameras.use()), self._engine),
            *(self._models.classifier.name, self.server.url),
        )

    def _busy_seconds(self) -> tuple[float, int]:
        workers = self._workers
        return (0.0, 1) if workers is None else (workers.busy_seconds, workers.wanted)

    def _stop_control(self) -> None:
        self._heartbeats.forget(_CONTROL)
        self._control.stop()

    def _stop_publisher(self) -> None:
        for name in (*self.beds, None):
            self.requests.store_state(name)
        self._heartbeats.forget("publisher")
        self._heartbeats.forget(_WRITER)
        self.publisher.stop()

    def _record_change(self, bed: BedPipeline, transitions: tuple[Transition, ...]) -> None:
        if self.fleet is not None:
            self.fleet.note_change(bed.id)
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
            frames_per_second=self._throughput.total_rate(now),
            publisher_backlog=stats.backlog_count,
            redis_up=stats.redis_up,
            clock_synchronised=is_synchronised(),
            config_hash=config_hash(self.config),
        )

    def healthy(self) -> Health:
        """Return whether every loop turns."""
        return Health(not (late := self._heartbeats.late()), {"late": late})

    def ready(self) -> Health:
        """Return whether models are loaded and every bed whose camera plays is analysed."""
        now = self.clock.monotonic()
        waiting = []
        for name, camera in self.cameras.items():
            last = self._throughput.last_seconds(name)
            is_late = last is None or now - last >= _DECISION_SECONDS
            if is_late and camera.status().state is CameraState.PLAYING:
                waiting.append(name)
        workers = 0 if self._workers is None else self._workers.running
        return Health(workers > 0 and not waiting, {"workers": workers, "beds_without_decision": waiting})
