"""A camera that another process holds open, as the station sees it: the same as `monitor.video.camera.Camera`."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from monitor.clock import Clock
from monitor.config import CameraSettings
from monitor.errors import VideoError
from monitor.phrases import Phrase, message
from monitor.video.address import resolve_address
from monitor.video.camera import Camera
from monitor.video.decode_governor import DecodePermits
from monitor.video.faults import FaultKind
from monitor.video.frame import Frame
from monitor.video.freeze_dark_detector import FROZEN_GAP_SECONDS
from monitor.video.latest_frame import LatestFrame
from monitor.video.planar_picture import Picture
from monitor.video.processes.messages import Open, PictureReady, Question, Request, StatusReport, Wishes
from monitor.video.status import CameraState, CameraStatus, DropCause

__all__ = ["BedCamera", "CameraServer", "RemoteCamera"]

_FROZEN_AGAIN_SECONDS = 14.0
"""After the last picture before a loss: by then a new process knows whether they stand still."""
_GRANT_SECONDS = 2.0
_SILENT_SECONDS = 1.0
"""Beyond the camera's own limit: its process reports several times a second, but may be held up."""
_HANGS = message("its camera process does not answer")


class CameraServer(Protocol):
    """Who opens and closes cameras in another process."""

    def open(self, camera: "RemoteCamera") -> None:
        """Open a camera, again and again until it is closed."""
        ...

    def close(self, camera: "RemoteCamera") -> None:
        """Close a camera; `note_closed` is called once it is closed."""
        ...

    def wish(self, camera: "RemoteCamera") -> None:
        """Let a camera work by its new wishes; soon, and whatever happens to its process."""
        ...


class RemoteCamera:
    """Stands for a camera in another process; its methods may be called from any thread.

    Args:
        number: The camera's, used for no other one of this station.
        settings: Address, credentials, limits.
        camera_id: Its name in messages and in the status.
        clock: Monotonic time: that of the machine, for the other process reads it too.
        server: Opens it.
        frames_per_second: Rate at which frames are handed on.
        listener: Called after every new frame; must return at once.
        phase: Where its frames lie between those of other cameras.
        permits: Whether key frames only may be decoded; asked from the server's thread.

    Raises:
        VideoError: There can be no such camera.
    """

    def __init__(
        self,
        number: int,
        settings: CameraSettings,
        camera_id: str,
        clock: Clock,
        server: CameraServer,
        frames_per_second: float | None,
        listener: Callable[[], None],
        phase: float | None,
        permits: DecodePermits,
    ) -> None:
        self.number = number
        self.camera_id = camera_id
        self.latest_frame = LatestFrame(listener)
        self._settings = settings
        self._clock = clock
        self._server = server
        self._full_rate = frames_per_second
        self._phase = phase
        self._permits = permits
        self._display = resolve_address(settings.model_copy(update={"password_file": None})).display
        self._lock = threading.Lock()
        self._wishes = Wishes(number, frames_per_second, may_rest=False)
        self._status = CameraStatus(camera_id, self._display, CameraState.CONNECTING, drops=dict.fromkeys(DropCause, 0))
        self._past = self._status
        self._at_seconds = clock.monotonic()
        self._newest_seconds: float | None = None
        self._lost_seconds: float | None = None
        self._granted_seconds: float | None = None
        self._turns = self._past_turns = self._streams = self._past_streams = 0
        self._is_done = self._is_started = False
        self._closed = threading.Event()
        permits.register(camera_id)

    @property
    def frames_per_second(self) -> float | None:
        """Rate at which frames are handed on; may be changed while the camera runs."""
        return self._wishes.frames_per_second

    @frames_per_second.setter
    def frames_per_second(self, value: float | None) -> None:
        self._wish(lambda wishes: replace(wishes, frames_per_second=value))

    @property
    def may_rest(self) -> bool:
        """Whether key frames are enough, because the bed is long calm; may be changed while the camera runs."""
        return self._wishes.may_rest

    @may_rest.setter
    def may_rest(self, value: bool) -> None:
        self._wish(lambda wishes: replace(wishes, may_rest=value))

    @property
    def wishes(self) -> Wishes:
        """What it is to work by."""
        return self._wishes

    @property
    def order(self) -> Open:
        """What opens it, at the rate of the ordinary case; the process learns its wishes after its first report."""
        return Open(self.number, self._settings, self.camera_id, self._full_rate, self._phase)

    @property
    def turns(self) -> int:
        """Grows as long as the camera's thread in the other process goes on."""
        return self._turns

    @property
    def is_done(self) -> bool:
        """Whether nothing more is expected of the camera: a file that has ended, or a camera that was stopped."""
        return self._is_done

    def start(self) -> None:
        """Let the camera be opened; returns at once.

        Raises:
            VideoError: It was started before.
        """
        if self._is_started:
            raise VideoError(f"camera {self.camera_id} was started twice")
        self._is_started = True
        self._server.open(self)

    def revive(self) -> bool:
        """Do nothing: the process replaces threads that hang, and its server a process that does."""
        return False

    def stop(self, timeout_seconds: float = 3.0) -> bool:
        """Stop, and wait for the other process to have done so; return whether it has in time."""
        if self._is_started:
            self._server.close(self)
            self._closed.wait(timeout_seconds)
        has_ended = not self._is_started or self._closed.is_set()
        with self._lock:
            self._is_done = True
            self._status = replace(self._status, state=CameraState.STOPPED)
        self.latest_frame.clear()
        return has_ended

    def status(self) -> CameraStatus:
        """Return what is known now."""
        with self._lock:
            status, now, newest = self._status, self._clock.monotonic(), self._newest_seconds
            drops = dict(status.drops)
            drops[DropCause.SUPERSEDED] += self.latest_frame.superseded
            is_silent = now - self._at_seconds > self._settings.stall_seconds + _SILENT_SECONDS
            is_lost = is_silent and status.state is CameraState.PLAYING
            state = CameraState.LOST if is_lost else status.state
            is_recent = newest is not None and now - newest <= FROZEN_GAP_SECONDS
            return replace(
                status,
                state=state,
                frozen_since_seconds=status.frozen_since_seconds if state is CameraState.PLAYING or is_recent else None,
                seconds_since_frame=None if newest is None else max(0.0, now - newest),
                drops=drops,
                last_error=Phrase(_HANGS) if is_lost else status.last_error,
                last_fault=FaultKind.OTHER.value if is_lost else status.last_fault,
            )

    def take_report(self, report: StatusReport) -> bool:
        """Take what the process says; return whether it works by the camera's wishes."""
        with self._lock:
            self._at_seconds, self._turns = report.at_seconds, self._past_turns + report.turns
            if not self._is_done:
                status = report.status
                if status.seconds_since_frame is not None:
                    self._newest_seconds = report.at_seconds - status.seconds_since_frame
                    status = self._still_frozen(status, self._newest_seconds)
                self._status, self._is_done = _added(self._past, status), report.is_done
            is_unused = self._is_grant_unused(report)
        if is_unused:
            self._permits.register(self.camera_id)
        return report.wishes == self._wishes

    def _still_frozen(self, status: CameraStatus, newest_seconds: float) -> CameraStatus:
        """Return a status in which a picture that stood still before the process was lost does so until it is known.

        Args:
            status: From the new process, which has seen pictures only since it began.
            newest_seconds: When the newest of them arrived.
        """
        frozen, lost = self._past.frozen_since_seconds, self._lost_seconds
        if frozen is None or lost is None or status.frozen_since_seconds is not None:
            return status
        if newest_seconds - lost > _FROZEN_AGAIN_SECONDS:
            self._lost_seconds = None
            return status
        return replace(status, frozen_since_seconds=frozen)

    def _is_grant_unused(self, report: StatusReport) -> bool:
        """Return whether the camera decodes every picture although it may decode key frames only.

        The answer came too late, and it will not ask to return from what it never did.
        """
        granted = self._granted_seconds
        if granted is None or report.at_seconds - granted <= _GRANT_SECONDS:
            return False
        self._granted_seconds = None
        return not report.status.overloaded

    def take_picture(self, image: Picture, ready: PictureReady) -> None:
        """Take a frame."""
        with self._lock:
            if self._is_done:
                return
            self._streams = max(self._streams, self._past_streams + ready.stream)
            stream, index = self._past_streams + ready.stream, self._past.pictures + ready.index
        self.latest_frame.put(Frame(image, ready.time_seconds, ready.pts_seconds, index, stream))

    def answer(self, question: Question) -> bool:
        """Return whether the camera may do what its process asks for."""
        now, permits = question.now_seconds, self._permits
        if question.request is Request.RETURN:
            return permits.may_return(self.camera_id, now)
        if question.request is Request.MUST_SHED:
            is_allowed = permits.must_shed(self.camera_id, now, question.keyframe_interval_seconds)
        else:
            is_allowed = permits.may_shed(self.camera_id, now)
        if is_allowed:
            self._granted_seconds = now
        return is_allowed

    def note_closed(self) -> None:
        """Take that nothing more comes."""
        self._closed.set()

    def note_lost(self, sentence: str) -> None:
        """Take that the process has ended, and everything that it knew with it."""
        with self._lock:
            status = self._status
            self._past_turns, self._past_streams = self._turns, self._streams
            self._granted_seconds, self._lost_seconds = None, self._newest_seconds
            if not self._is_done:
                status = replace(
                    status,
                    state=CameraState.LOST,
                    dark_since_seconds=None,
                    overloaded=False,
                    reconnects=status.reconnects + 1,
                    lag_seconds=None,
                    last_error=sentence,
                    last_fault=FaultKind.OTHER.value,
                )
            self._status = self._past = status
        self._permits.register(self.camera_id)

    def _wish(self, change: Callable[[Wishes], Wishes]) -> None:
        with self._lock:
            wishes = change(self._wishes)
            if wishes == self._wishes:
                return
            self._wishes = wishes
        if self._is_started:
            self._server.wish(self)


BedCamera = Camera | RemoteCamera
"""A bed's camera, in this process or in another one."""


def _added(past: CameraStatus, now: CameraStatus) -> CameraStatus:
    """Return a status with what was counted before its process began."""
    if past.pictures == past.reconnects == 0:
        return now
    return replace(
        now,
        state=CameraState.LOST if now.state is CameraState.CONNECTING else now.state,
        reconnects=past.reconnects + now.reconnects,
        abandoned=past.abandoned + now.abandoned,
        pictures=past.pictures + now.pictures,
        undecoded=past.undecoded + now.undecoded,
        frames=past.frames + now.frames,
        drops={cause: past.drops[cause] + now.drops[cause] for cause in DropCause},
        decode_errors=past.decode_errors + now.decode_errors,
        timestamp_faults=past.timestamp_faults + now.timestamp_faults,
        format_changes=past.format_changes + now.format_changes,
        size_px=now.size_px or past.size_px,
        last_error=now.last_error or past.last_error,
        last_fault=now.last_fault or past.last_fault,
    )
