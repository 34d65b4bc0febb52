"""What every analysed frame leaves behind: metrics, the board, the bed's rate, and whether its models work."""

import math
from collections.abc import Callable, Mapping

from monitor.clock import Clock
from monitor.pain.vocabulary import Code, Visibility
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.station.adaptive_rate import AdaptiveRate
from monitor.station.load_governor import LoadGovernor
from monitor.station.outputs import StationOutputs
from monitor.station.throughput import Throughput
from monitor.video.processes.remote_camera import BedCamera

__all__ = ["ResultRecorder"]


class ResultRecorder:
    """Records results; called from the workers' threads.

    Args:
        clock: The clock of the alarm logic.
        cameras: By bed id; each is asked for frames at the rate that its bed's result calls for.
        outputs: Metrics and board.
        throughput: Counts analysed frames.
        rate: Chooses the rate of each bed.
        governor: Lowers the rate of all beds when the machine does not keep up.
        degraded: Returns why a model, or the engine that runs it, is not the one that was asked for; None where it is.
        on_result: Called after every analysed frame with its bed, its result, and the frame's age in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        cameras: Mapping[str, BedCamera],
        outputs: StationOutputs,
        throughput: Throughput,
        rate: AdaptiveRate,
        governor: LoadGovernor,
        degraded: Callable[[], str | None] = lambda: None,
        on_result: Callable[[BedPipeline, FrameResult, float], None] | None = None,
    ) -> None:
        self._clock = clock
        self._cameras = cameras
        self._outputs = outputs
        self._throughput = throughput
        self._rate = rate
        self._governor = governor
        self._degraded = degraded
        self._on_result = on_result

    def record(self, bed: BedPipeline, result: FrameResult) -> None:
        """Record what one frame of a bed led to; nothing where the bed left while its frame was analysed."""
        camera = self._cameras.get(bed.id)
        if camera is None:
            return
        now = self._clock.monotonic()
        self._throughput.add(bed.id, now)
        rate = min(self._rate.rate(bed.id, result.observation), self._governor.rate)
        if not math.isclose(camera.frames_per_second or 0.0, rate):
            camera.frames_per_second = rate
        camera.may_rest = self._rate.may_rest(bed.id, result.observation.time_seconds)
        age_seconds = max(0.0, now - result.frame.time_seconds)
        faces, metrics = result.frame_faces, self._outputs.metrics
        metrics.frame_analysed(
            bed.id,
            bed.camera_id,
            age_seconds=age_seconds,
            detection_seconds=result.detect_seconds,
            classification_seconds=result.classify_seconds or None,
        )
        visible = faces is not None and faces.visibility is Visibility.USABLE
        metrics.observe(bed.id, result.observation, face_visible=visible)
        self._outputs.board.observe(bed.id, result.observation, result.frame, faces)
        failure = result.failure or self._degraded()
        bed.report(Code.MODEL_DEGRADED, failure is not None, now, failure or "")
        if self._on_result is not None:
            self._on_result(bed, result, age_seconds)

    def record_failure(self, bed: BedPipeline) -> None:
        """Record that analysing a frame of a bed failed in an unforeseen way."""
        detail = "Analysing this bed's frames fails; see the log."
        bed.report(Code.MODEL_DEGRADED, present=True, now_seconds=self._clock.monotonic(), detail=detail)
