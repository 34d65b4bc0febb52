"""The station's metrics: what the rest of the program reports, and where Prometheus reads it.

Names begin with `nicu_monitor_`, units are base units, counters end in `_total`. Labels are ids from the configuration
and words of fixed enums, so their number is bounded. What is not known is absent: never 0, never a stale value. The
series of a camera or bed that is removed go with it.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from monitor import __version__
from monitor.alerts.record import GenerationMode
from monitor.clock import Clock
from monitor.delivery.publisher import PublisherStats
from monitor.delivery.request_reader import CommandOutcome
from monitor.fleet.held_beds import FleetStatus
from monitor.pain.vocabulary import Observation, Occupancy, Transition
from monitor.telemetry.metrics_beds import BedCollector
from monitor.telemetry.metrics_cameras import CameraCollector
from monitor.telemetry.metrics_delivery import PublisherCollector
from monitor.telemetry.metrics_fleet import FleetCollector
from monitor.telemetry.metrics_processes import CameraProcessCollector, CameraProcessUse
from monitor.video.status import CameraStatus

__all__ = ["StationMetrics"]

# A station is one process. PROMETHEUS_MULTIPROC_DIR, set for another program, would write its metrics into that folder.
values.ValueClass = values.MutexValue

_WHOLE_STATION = ""
_CAMERA_LABELS = ("bed", "camera")
_AGE_BUCKETS_SECONDS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0)
_COMPUTE_BUCKETS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0)
_PUBLISH_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0, 3600.0)


class StationMetrics:
    """All metrics of one station, in a registry of their own.

    Args:
        station: Its id.
        generation_mode: Where the pictures come from.
        clock: Distinguishes stale observations from fresh ones.
    """

    def __init__(self, station: str, generation_mode: GenerationMode, clock: Clock) -> None:
        self.registry = CollectorRegistry()
        self._beds = BedCollector(clock)
        self._cameras = CameraCollector()
        self._publisher = PublisherCollector()
        self._beds.add(_WHOLE_STATION)
        for collector in (self._beds, self._cameras, self._publisher):
            self.registry.register(collector)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        Gauge(
            "nicu_monitor_build_info",
            "Version of the program; always 1.",
            ("version", "station", "generation_mode"),
            registry=self.registry,
        ).labels(__version__, station, generation_mode).set(1)
        self._model_info = Gauge(
            "nicu_monitor_model_info",
            "Model in use; always 1.",
            ("role", "name", "sha256", "engine"),
            registry=self.registry,
        )
        self._analysed = Counter(
            "nicu_monitor_frames_analysed",
            "Frames that were analysed.",
            _CAMERA_LABELS,
            registry=self.registry,
        )
        self._frame_age = self._histogram(
            "frame_age_at_decision_seconds", "Age of a frame's data when its bed was analysed.", _AGE_BUCKETS_SECONDS
        )
        self._detection = self._histogram(
            "detection_duration_seconds", "Time to find the faces of one frame.", _COMPUTE_BUCKETS_SECONDS
        )
        self._classification = self._histogram(
            "classification_duration_seconds", "Time to classify one face.", _COMPUTE_BUCKETS_SECONDS
        )
        self._publish = Histogram(
            "nicu_monitor_alert_publish_latency_seconds",
            "From handing in an alert to its entry in the Redis stream.",
            buckets=_PUBLISH_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._commands = Counter(
            "nicu_monitor_commands",
            "Commands from Redis, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in CommandOutcome:
            self._commands.labels(outcome)

    def add_camera(self, bed: str, camera: str, status: Callable[[], CameraStatus]) -> None:
        """Show a camera from now on.

        Args:
            bed: Id of its bed.
            camera: Its id.
            status: Asked at every scrape; must not wait.
        """
        self._cameras.add(bed, camera, status)
        self._beds.add(bed)
        self._analysed.labels(bed, camera)

    def remove_camera(self, bed: str, camera: str) -> None:
        """Remove every series of a camera and of its bed."""
        self._cameras.remove(bed, camera)
        self._beds.remove(bed)
        for metric in (self._analysed, self._frame_age, self._detection, self._classification):
            metric.remove_by_labels({"bed": bed, "camera": camera})

    def move_camera(self, bed: str, before: str, after: str, status: Callable[[], CameraStatus]) -> None:
        """Show another camera of a bed, whose own series go on."""
        self._cameras.remove(bed, before)
        for metric in (self._analysed, self._frame_age, self._detection, self._classification):
            metric.remove_by_labels({"bed": bed, "camera": before})
        self.add_camera(bed, after, status)

    def show_model(self, role: str, name: str, sha256: str, engine: str) -> None:
        """Note which model runs; replaces the one shown before for the same role."""
        self._model_info.remove_by_labels({"role": role})
        self._model_info.labels(role, name, sha256, engine).set(1)

    def frame_analysed(
        self,
        bed: str,
        camera: str,
        *,
        age_seconds: float,
        detection_seconds: float,
        classification_seconds: float | None,
    ) -> None:
        """Count a frame that was analysed.

        Args:
            bed: Id of the bed.
            camera: Id of the camera.
            age_seconds: Since the frame's data reached this machine.
            detection_seconds: Time for the face detector.
            classification_seconds: Time for the classifier; None where no face was analysed.
        """
        self._analysed.labels(bed, camera).inc()
        self._frame_age.labels(bed, camera).observe(age_seconds)
        self._detection.labels(bed, camera).observe(detection_seconds)
        if classification_seconds is not None:
            self._classification.labels(bed, camera).observe(classification_seconds)

    def observe(self, bed: str, observation: Observation, *, face_visible: bool) -> None:
        """Show what a bed shows now.

        Args:
            bed: Its id.
            observation: From the filter. Its time lies on the monotonic axis of the clock.
            face_visible: Whether the newest frame shows a usable face of the patient.
        """
        self._beds.observe(bed, observation, face_visible=face_visible)

    def show_occupancy(self, bed: str, occupancy: Occupancy) -> None:
        """Show who lies in a bed from now on."""
        self._beds.occupy(bed, occupancy)

    def transition(self, bed: str | None, transition: Transition) -> None:
        """Count a change of an alarm condition and show the condition; None stands for the whole station."""
        self._beds.transition(bed or _WHOLE_STATION, transition)

    def published(self, age_seconds: float | None) -> None:
        """Note that an alert reached Redis (fits `SessionEvents.published`)."""
        if age_seconds is not None:
            self._publish.observe(age_seconds)

    def command(self, outcome: CommandOutcome) -> None:
        """Count a command (fits `SessionEvents.command`)."""
        self._commands.labels(outcome).inc()

    def watch_publisher(self, stats: Callable[[], PublisherStats]) -> None:
        """Show the publisher's statistics, asked at every scrape."""
        self._publisher.source = stats

    def watch_fleet(self, status: FleetStatus) -> None:
        """Show which beds this station shares with others, asked at every scrape."""
        self.registry.register(FleetCollector(status))

    def watch_camera_processes(self, use: CameraProcessUse) -> None:
        """Show the processes that receive and decode, asked at every scrape."""
        self.registry.register(CameraProcessCollector(use))

    def watch_clock(self, synchronised: Callable[[], bool | None]) -> None:
        """Show whether the wall clock is synchronised, asked at every scrape; absent while it is not known."""
        self._publisher.clock_source = synchronised

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"nicu_monitor_{name}", text, _CAMERA_LABELS, buckets=buckets, registry=self.registry)
