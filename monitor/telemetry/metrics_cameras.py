"""Metrics of cameras, read from their status at the moment of a scrape."""

import threading
from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.video.status import CameraState, CameraStatus, DropCause

__all__ = ["CameraCollector"]

_LABELS = ("bed", "camera")


class CameraCollector(Collector):
    """Asks every camera for its status and shows it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._cameras: dict[tuple[str, str], Callable[[], CameraStatus]] = {}

    def add(self, bed: str, camera: str, status: Callable[[], CameraStatus]) -> None:
        """Show a camera."""
        with self._mutex:
            self._cameras[bed, camera] = status

    def remove(self, bed: str, camera: str) -> None:
        """Show it no longer."""
        with self._mutex:
            self._cameras.pop((bed, camera), None)

    def collect(self) -> Iterable[Metric]:
        """Yield all families."""
        with self._mutex:
            cameras = list(self._cameras.items())
        seen = [(labels, status()) for labels, status in cameras]
        yield _gauge("camera_up", "1 while pictures come, else 0.", seen, lambda s: s.state is CameraState.PLAYING)
        yield _gauge(
            "camera_frame_age_seconds",
            "Age of the newest picture; absent before the first.",
            seen,
            lambda s: s.seconds_since_frame,
        )
        yield _gauge("camera_overloaded", "1 while only key frames are decoded, else 0.", seen, lambda s: s.overloaded)
        yield _gauge(
            "camera_picture_frozen",
            "1 while the picture does not change, 0 while it does; absent while no pictures come.",
            seen,
            lambda s: _finding(s, s.frozen_since_seconds),
        )
        yield _gauge(
            "camera_picture_dark",
            "1 while the picture is dark or covered, 0 while something can be seen; absent while no pictures come.",
            seen,
            lambda s: _finding(s, s.dark_since_seconds),
        )
        yield _gauge("camera_frames_per_second", "Measured rate of the stream.", seen, lambda s: s.frames_per_second)
        state = GaugeMetricFamily(
            "nicu_monitor_camera_state", "1 for the state that the camera is in.", labels=(*_LABELS, "state")
        )
        dropped = CounterMetricFamily(
            "nicu_monitor_frames_dropped", "Pictures that were not analysed, by cause.", labels=(*_LABELS, "cause")
        )
        for labels, status in seen:
            for word in CameraState:
                state.add_metric((*labels, word), float(status.state is word))
            for cause in DropCause:
                dropped.add_metric((*labels, cause), status.drops.get(cause, 0))
        yield from (state, dropped, _decode_info(seen))
        yield _counter("frames_decoded", "Decoded pictures.", seen, lambda s: s.pictures)
        yield _counter("camera_reconnects", "Source opened again after a fault.", seen, lambda s: s.reconnects)
        yield _counter("camera_decode_errors", "Errors that the decoder survived.", seen, lambda s: s.decode_errors)
        yield _counter(
            "camera_timestamp_faults", "Time stamps that stood still or went back.", seen, lambda s: s.timestamp_faults
        )
        yield _counter(
            "camera_format_changes", "Changes of the picture's size or codec.", seen, lambda s: s.format_changes
        )


_Seen = list[tuple[tuple[str, str], CameraStatus]]


def _gauge(name: str, text: str, seen: _Seen, value: Callable[[CameraStatus], float | None]) -> Metric:
    family = GaugeMetricFamily(f"nicu_monitor_{name}", text, labels=_LABELS)
    for labels, status in seen:
        number = value(status)
        if number is not None:
            family.add_metric(labels, float(number))
    return family


def _finding(status: CameraStatus, since_seconds: float | None) -> float | None:
    """Return whether something holds of the pictures, as 1 or 0; None: it does not, but no picture says so."""
    if since_seconds is not None:
        return 1.0
    return 0.0 if status.state is CameraState.PLAYING else None


def _decode_info(seen: _Seen) -> Metric:
    """Return what is decoded with what; the rate is the announced one, so that a series lives as long as the stream."""
    labels_of = ("codec", "size", "rate", "decoder")
    text = "1; its labels name codec, size in pixels and announced rate of the stream, and the decoder in use."
    family = GaugeMetricFamily("nicu_monitor_camera_decode_info", text, labels=(*_LABELS, *labels_of))
    for labels, status in seen:
        if status.decoder is not None:
            size = "" if status.size_px is None else "x".join(map(str, status.size_px))
            rate = status.announced_frames_per_second
            values = (status.codec or "", size, "" if rate is None else f"{rate:g}", status.decoder)
            family.add_metric((*labels, *values), 1.0)
    return family


def _counter(name: str, text: str, seen: _Seen, value: Callable[[CameraStatus], int]) -> Metric:
    family = CounterMetricFamily(f"nicu_monitor_{name}", text, labels=_LABELS)
    for labels, status in seen:
        family.add_metric(labels, value(status))
    return family
