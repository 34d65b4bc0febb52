"""One camera: one pipeline, one thread that owns it, and its newest frame."""

import logging
import threading
from collections import Counter
from collections.abc import Callable

from monitor.backoff import Backoff
from monitor.clock import Clock
from monitor.config import CameraSettings
from monitor.errors import VideoError
from monitor.phrases import Phrase
from monitor.video.address import SourceAddress, resolve_address
from monitor.video.decode_governor import DecodeChoice, DecodePermits
from monitor.video.faults import HUNG, FaultKind, SourceEndedError, SourceFaultError, fault_of_end
from monitor.video.frame import Frame
from monitor.video.freeze_dark_detector import FROZEN_GAP_SECONDS, FreezeDarkDetector
from monitor.video.group_choice import LONGEST_GAP_SECONDS
from monitor.video.hardware import DecoderChoice
from monitor.video.latest_frame import LatestFrame
from monitor.video.picture_groups import PictureGroups
from monitor.video.pipeline import CameraPipeline
from monitor.video.planar_picture import Picture
from monitor.video.probe import FrameTiming, PipelineProbe
from monitor.video.sampling import Sampler
from monitor.video.sources import open_source, opening_seconds
from monitor.video.stall_watchdog import StallLimits, Watchdog
from monitor.video.status import CameraState, CameraStatus, DropCause
from monitor.video.synthetic_source import SyntheticFactory, SyntheticPipeline

__all__ = ["Camera"]

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_CLOSE_SECONDS = 1.0
_HEALTHY_SECONDS = 2.0
_REFUSED_CAP_SECONDS = 15.0
_HUNG_SECONDS = 45.0  # longer than the longest wait between two attempts and all that one attempt may take


class Camera:
    """Holds one source open for as long as it lives, and its newest frame in `latest_frame`.

    Whatever happens to the source, the camera tries again indefinitely and reports it in `status()`; it never raises
    from its thread and never delays another camera.

    Args:
        settings: Address, credentials, limits.
        camera_id: Its name in messages and in the status.
        clock: Monotonic time.
        frames_per_second: Rate at which frames are handed on; None hands on every picture.
        listener: Called after every new frame, from the camera's thread; must return at once.
        synthetic: Makes the pictures of a `synthetic://` address; without it such an address is refused.
        backoff: Waiting times between attempts.
        limits: How long each stage may stay silent; by default the settings' `stall_seconds` and what follows from it.
        phase: Where its frames lie between those of other cameras; see `Sampler`.
        permits: Whether only key frames may be decoded where decoding lags: not as long as a lower rate of all cameras
            may help; by default at once. Cameras whose key frames are rare never do.
    """

    def __init__(
        self,
        settings: CameraSettings,
        camera_id: str,
        clock: Clock,
        frames_per_second: float | None = 5.0,
        listener: Callable[[], None] | None = None,
        synthetic: SyntheticFactory | None = None,
        backoff: Backoff | None = None,
        limits: StallLimits | None = None,
        phase: float | None = None,
        permits: DecodePermits | None = None,
    ) -> None:
        self.camera_id = camera_id
        self.latest_frame = LatestFrame(listener)
        self._settings = settings
        self._decoders = DecoderChoice(settings.decoder)
        self._clock = clock
        self._synthetic = synthetic
        self._backoff = backoff if backoff is not None else Backoff()
        self._sampler = Sampler(frames_per_second, phase)
        self._groups = PictureGroups()
        self._address = resolve_address(settings.model_copy(update={"password_file": None}))
        if self._address.synthetic is not None and synthetic is None:
            raise VideoError(f"{self._address.display}: synthetic pictures are not available here; use a real address")
        self._limits = limits or StallLimits(
            data_seconds=settings.stall_seconds,
            opening_seconds=opening_seconds(settings),
            picture_seconds=max(6.0, 3.0 * settings.stall_seconds),
        )
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._turned_seconds = clock.monotonic()
        self.turns = 0
        self._lock = threading.Lock()
        self._state = CameraState.CONNECTING
        self._pipeline: CameraPipeline | None = None
        self._picture_seconds: float | None = None
        self._size_px: tuple[int, int] | None = None
        self._codec: str | None = None
        self._decoder: str | None = None
        self._check = FreezeDarkDetector()
        self._frozen_since_seconds: float | None = None
        self._dark_since_seconds: float | None = None
        self._decoding = DecodeChoice(camera_id, permits)
        self._frames = self._reconnects = self._abandoned = self._format_changes = self._opened = 0
        self._past_pictures = self._past_undecoded = self._past_decode_errors = self._past_timestamp_faults = 0
        self._past_drops: Counter[DropCause] = Counter()
        self._last_fault: tuple[str, FaultKind] | None = None

    @property
    def frames_per_second(self) -> float | None:
        """Rate at which frames are handed on; may be changed while the camera runs."""
        return self._sampler.frames_per_second

    @frames_per_second.setter
    def frames_per_second(self, value: float | None) -> None:
        self._sampler.frames_per_second = value

    @property
    def may_rest(self) -> bool:
        """Whether key frames are enough, because the bed is long calm; may be changed while the camera runs."""
        return self._decoding.may_rest

    @may_rest.setter
    def may_rest(self, value: bool) -> None:
        self._decoding.may_rest = value

    def start(self) -> None:
        """Start the camera's thread; returns at once, whether or not the source can be reached.

        Raises:
            VideoError: It was started before.
        """
        if self._thread is not None:
            raise VideoError(f"camera {self.camera_id} was started twice")
        self._start_thread()

    @property
    def is_done(self) -> bool:
        """Whether nothing more is expected of the camera: a file that has ended, or a camera that was stopped."""
        return self._state in {CameraState.ENDED, CameraState.STOPPED}

    def revive(self) -> bool:
        """Replace the camera's thread where it has died or hangs in GStreamer; return whether that was necessary.

        A thread that hangs is left behind; should it go on later, it ends.

        Raises:
            RuntimeError: The system gives no thread.
        """
        with self._lock:
            thread = self._thread
            is_late = self._clock.monotonic() - self._turned_seconds > _HUNG_SECONDS
            if thread is None or self.is_done or self._stopping.is_set() or (thread.is_alive() and not is_late):
                return False
            self._stopping.set()
            self._stopping = threading.Event()
            pipeline = self._pipeline
            if pipeline is not None:
                self._forget_pipeline(pipeline, abandoned=True)
            self._state, self._last_fault = CameraState.LOST, (HUNG, FaultKind.OTHER)
            self._reconnects += 1
        _log.error("camera %s: its thread hangs or has died and is replaced", self.camera_id)
        self._check.disconnect()
        self._start_thread()
        return True

    def _start_thread(self) -> None:
        self._turned_seconds = self._clock.monotonic()
        name = f"camera-{self.camera_id}"
        thread = threading.Thread(target=self._run, args=(self._stopping,), name=name, daemon=True)
        with self._lock:  # a thread that is about to start is not alive yet, and would be taken for one that died
            self._thread = thread
            thread.start()

    def _turn(self) -> None:
        """Note that the camera's thread goes on."""
        self.turns += 1
        self._turned_seconds = self._clock.monotonic()

    def stop(self, timeout_seconds: float = 3.0) -> bool:
        """Stop, and wait for the thread.

        Returns:
            Whether the thread ended in time.
        """
        with self._lock:  # else a `revive` of this moment starts a thread that nobody stops
            self._stopping.set()
            thread = self._thread
        if thread is None:
            self._state = CameraState.STOPPED
            return True
        thread.join(timeout_seconds)
        return not thread.is_alive()

    def status(self) -> CameraStatus:
        """Return what is known now; never waits for the source."""
        now = self._clock.monotonic()
        with self._lock:
            probe = None if self._pipeline is None else self._pipeline.probe
            newest = self._newest_picture_seconds(probe)
            drops = Counter(self._past_drops)
            if probe is not None:
                drops.update(probe.drops)
            drops[DropCause.SUPERSEDED] += self.latest_frame.superseded
            playing = self._state is CameraState.PLAYING
            overloaded = probe is not None and self._decoding.is_overloaded
            decodes_few = probe is not None and probe.left_out_as is not None
            limit_seconds = self._limits.picture_seconds if decodes_few else self._limits.data_seconds
            limit_seconds += LONGEST_GAP_SECONDS if probe is not None and probe.awaits_key_frame else 0.0
            late = newest is not None and now - newest > limit_seconds
            return CameraStatus(
                camera_id=self.camera_id,
                address=self._address.display,
                state=CameraState.LOST if playing and late else self._state,
                seconds_since_frame=None if newest is None else max(0.0, now - newest),
                frozen_since_seconds=self._frozen_since(newest, now),
                dark_since_seconds=self._dark_since_seconds,
                overloaded=overloaded,
                reconnects=self._reconnects,
                abandoned=self._abandoned,
                pictures=self._past_pictures + (probe.pictures if probe is not None else 0),
                undecoded=self._past_undecoded + (probe.undecoded if probe is not None else 0),
                frames=self._frames,
                drops={cause: drops[cause] for cause in DropCause},
                lag_seconds=None if probe is None or probe.decoded_seconds is None else probe.lag_seconds,
                decode_errors=self._past_decode_errors + (self._pipeline.decode_errors if self._pipeline else 0),
                timestamp_faults=self._past_timestamp_faults + (probe.timestamp_faults if probe is not None else 0),
                format_changes=self._format_changes,
                size_px=self._size_px,
                codec=self._codec,
                decoder=self._decoder,
                announced_frames_per_second=None if probe is None else probe.nominal_rate,
                frames_per_second=_rate(self._sampler.interval_seconds),
                keyframe_interval_seconds=None if probe is None else probe.keyframe_interval_seconds,
                last_error=None if self._last_fault is None else self._last_fault[0],
                last_fault=None if self._last_fault is None else self._last_fault[1].value,
            )

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self._play(stopping)
            except SourceEndedError:
                if self._replays():
                    continue
                self._state = CameraState.ENDED
                return
            except VideoError as error:
                self._rest(stopping, error)
            except Exception as error:  # noqa: BLE001 - a camera's thread must outlive whatever happens
                _log.exception("camera %s: unforeseen error", self.camera_id)
                self._rest(stopping, VideoError(f"unforeseen error of type {type(error).__name__}"))
        if stopping is self._stopping:
            self._state = CameraState.STOPPED
            self.latest_frame.clear()

    def _rest(self, stopping: threading.Event, error: VideoError) -> None:
        """Note a fault, and wait before the next attempt."""
        if stopping is self._stopping:
            self._turn()
            stopping.wait(self._after_fault(error))

    def _play(self, stopping: threading.Event) -> None:
        """Open the source and deliver its frames until it ends or fails."""
        address = resolve_address(self._settings)
        self._opened += 1
        pipeline = self._open(address)
        opened_seconds = self._clock.monotonic()
        watchdog = Watchdog(self._limits, opened_seconds)
        with self._lock:
            is_replaced = stopping is not self._stopping
            self._pipeline = self._pipeline if is_replaced else pipeline
        try:
            if is_replaced:
                return
            pipeline.play()
            while not stopping.is_set():
                self._turn()
                pulled = pipeline.pull(_POLL_SECONDS)
                if stopping is not self._stopping:
                    return
                # Before a frame shows that the camera plays.
                self._note_codec(pipeline.codec)
                self._decoder = pipeline.decoder or self._decoder
                if pulled is not None:
                    image, timing = pulled
                    self._deliver(image, timing)
                    # A picture that is held while the next one comes makes the pipeline's pool larger by one.
                    del image, pulled
                    if timing.arrival_seconds - opened_seconds > _HEALTHY_SECONDS:
                        self._backoff.reset()
                pipeline.check()
                self._watch(pipeline, watchdog, address)
        except SourceEndedError as ended:
            if address.live:
                raise fault_of_end(address) from ended
            raise
        finally:
            self._close(pipeline)

    def _open(self, address: SourceAddress) -> CameraPipeline:
        probe = PipelineProbe(self._clock, self._sampler, self._groups)
        if address.synthetic is not None and self._synthetic is not None:
            return SyntheticPipeline(address.synthetic, probe, self._clock, self._synthetic)
        return open_source(address, self._settings, probe, self._decoders)

    def _close(self, pipeline: CameraPipeline) -> None:
        ended = pipeline.close(_CLOSE_SECONDS)
        with self._lock:
            if pipeline is not self._pipeline:  # another thread has taken over meanwhile
                return
            self._forget_pipeline(pipeline, abandoned=not ended)
        self._check.disconnect()

    def _forget_pipeline(self, pipeline: CameraPipeline, *, abandoned: bool) -> None:
        """Add what a pipeline counted to the past; the lock is held."""
        probe = pipeline.probe
        self._pipeline = None
        self._abandoned += abandoned
        self._picture_seconds = self._newest_picture_seconds(probe)
        self._past_pictures += probe.pictures
        self._past_undecoded += probe.undecoded
        self._past_decode_errors += pipeline.decode_errors
        self._past_timestamp_faults += probe.timestamp_faults
        self._past_drops.update(probe.drops)
        self._dark_since_seconds = None

    def _note_codec(self, codec: str | None) -> None:
        if codec is not None and codec != self._codec:
            with self._lock:
                self._format_changes += self._codec is not None
                self._codec = codec

    def _deliver(self, image: Picture, timing: FrameTiming) -> None:
        size_px = (image.shape[1], image.shape[0])
        with self._lock:
            changed = self._size_px is not None and size_px != self._size_px
            self._size_px = size_px
            self._format_changes += changed
            self._frames += 1
            came_back = self._state is not CameraState.PLAYING
            self._state = CameraState.PLAYING
        if changed:
            _log.warning("camera %s: the picture is now %d x %d px", self.camera_id, *size_px)
        if came_back:
            _log.info("camera %s: pictures come from %s", self.camera_id, self._address.display)
        self._check.update(image, timing.arrival_seconds)
        with self._lock:
            self._frozen_since_seconds = self._check.frozen_since_seconds
            self._dark_since_seconds = self._check.dark_since_seconds
        pts_seconds = None if timing.pts_ns is None else timing.pts_ns / 1e9
        index = self._past_pictures + timing.index
        self.latest_frame.put(Frame(image, timing.arrival_seconds, pts_seconds, index, self._opened))

    def _watch(self, pipeline: CameraPipeline, watchdog: Watchdog, address: SourceAddress) -> None:
        now, probe = self._clock.monotonic(), pipeline.probe
        fault = watchdog.fault(now, probe.data_seconds, probe.decoded_seconds)
        if fault is not None:
            raise SourceFaultError(FaultKind.STALLED, Phrase("{address} {fault}", address=address.display, fault=fault))
        self._decoding.update(now, probe)

    def _replays(self) -> bool:
        """Whether a file that came to its end starts again; one without pictures would spin."""
        return self._settings.loop and self._state is CameraState.PLAYING

    def _after_fault(self, error: VideoError) -> float:
        """Note a fault; return how long to wait before the next attempt."""
        sentence = error.words
        kind = error.kind if isinstance(error, SourceFaultError) else FaultKind.OTHER
        if kind is FaultKind.DECODER:  # the source is well: another decoder takes over at once
            with self._lock:
                self._last_fault = sentence, kind
                self._reconnects += 1
            return 0.0
        with self._lock:
            is_news = self._last_fault != (sentence, kind) or self._state is CameraState.PLAYING
            self._state = CameraState.LOST
            self._last_fault = sentence, kind
            self._reconnects += 1
        if is_news:
            _log.warning("camera %s: %s; trying again", self.camera_id, sentence)
        return self._backoff.next_seconds(_REFUSED_CAP_SECONDS if kind is FaultKind.REFUSED else None)

    def _frozen_since(self, newest_seconds: float | None, now_seconds: float) -> float | None:
        """Return since when the picture has stood still; a frozen one stays frozen through a short reconnect."""
        connected = self._state is CameraState.PLAYING
        recent = newest_seconds is not None and now_seconds - newest_seconds <= FROZEN_GAP_SECONDS
        return self._frozen_since_seconds if connected or recent else None

    def _newest_picture_seconds(self, probe: PipelineProbe | None) -> float | None:
        if probe is not None and probe.picture_seconds is not None:
            return probe.picture_seconds
        return self._picture_seconds


def _rate(interval_seconds: float | None) -> float | None:
    return None if not interval_seconds else 1.0 / interval_seconds
