"""The program of one camera process: it runs until the station closes its end of the pair of sockets, or ends."""

import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from itertools import count

import cv2

from monitor.clock import Clock, SystemClock
from monitor.config import CameraSettings, LogSettings
from monitor.config.secret_file import read_secret_file
from monitor.logs import configure
from monitor.video.camera import Camera
from monitor.video.frame import Frame
from monitor.video.planar_picture import PlanarPicture
from monitor.video.processes.messages import (
    Answer,
    Beat,
    Begin,
    Channel,
    Close,
    Closed,
    NewMemory,
    Open,
    PictureReady,
    Question,
    Request,
    StatusReport,
    Wishes,
)
from monitor.video.processes.shared_pictures import PictureWriter
from monitor.video.status import DropCause

__all__ = ["main"]

_log = logging.getLogger(__name__)

_REPORT_SECONDS = 0.25
_CLOSING_SECONDS = 0.02
_ANSWER_SECONDS = 1.0
_ASK_AGAIN_SECONDS = 1.0
_LONGEST_STOP_SECONDS = 5.0


class _Questions:
    """Asks the station and waits for the answers."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = count()
        self._waiting: dict[int, threading.Event] = {}
        self._answers: dict[int, bool] = {}

    def ask(self, number: int, request: Request, now_seconds: float, interval_seconds: float = 0.0) -> bool:
        """Return the answer; no where none comes."""
        question, answered = next(self._numbers), threading.Event()
        self._waiting[question] = answered
        try:
            self._channel.send(Question(question, number, request, now_seconds, interval_seconds))
            answered.wait(_ANSWER_SECONDS)
        except OSError:
            return False
        finally:
            self._waiting.pop(question, None)
        return self._answers.pop(question, False)

    def take(self, answer: Answer) -> None:
        """Take an answer; one that comes too late is not kept."""
        waiting = self._waiting.get(answer.question)
        if waiting is not None:
            self._answers[answer.question] = answer.is_allowed
            waiting.set()


class _AskedPermits:
    """The station's `DecodePermits`, asked about one camera at most once a second for each question."""

    def __init__(self, questions: _Questions, number: int) -> None:
        self._questions = questions
        self._number = number
        self._asked_seconds: dict[Request, float] = {}

    def register(self, camera_id: str) -> None:
        """Do nothing: the station has registered the camera."""

    def may_shed(self, camera_id: str, now_seconds: float) -> bool:
        """Ask the station."""
        del camera_id
        return self._ask(Request.SHED, now_seconds)

    def must_shed(self, camera_id: str, now_seconds: float, keyframe_interval_seconds: float) -> bool:
        """Ask the station."""
        del camera_id
        return self._ask(Request.MUST_SHED, now_seconds, keyframe_interval_seconds)

    def may_return(self, camera_id: str, now_seconds: float) -> bool:
        """Ask the station."""
        del camera_id
        return self._ask(Request.RETURN, now_seconds)

    def _ask(self, request: Request, now_seconds: float, interval_seconds: float = 0.0) -> bool:
        asked = self._asked_seconds.get(request)
        if asked is not None and now_seconds - asked < _ASK_AGAIN_SECONDS:
            return False
        self._asked_seconds[request] = now_seconds
        return self._questions.ask(self._number, request, now_seconds, interval_seconds)


class _ServedCamera:
    """One camera and the memory for its pictures."""

    def __init__(self, order: Open, channel: Channel, questions: _Questions, clock: Clock) -> None:
        self._number = order.number
        self._channel = channel
        self._memory: PictureWriter | None = None
        self._sending = threading.Lock()  # a thread that hung and was replaced may go on beside the new one
        self._skipped = 0
        self._clock = clock
        self.closing_seconds: float | None = None
        self.camera = Camera(
            order.settings,
            order.camera_id,
            clock,
            order.frames_per_second,
            self._send_picture,
            phase=order.phase,
            permits=_AskedPermits(questions, order.number),
        )
        self.camera.start()

    def take(self, wishes: Wishes) -> None:
        """Work by other wishes."""
        self.camera.may_rest = wishes.may_rest
        if self.camera.frames_per_second != wishes.frames_per_second:
            self.camera.frames_per_second = wishes.frames_per_second

    def report(self) -> None:
        """Send what is known of the camera, whose thread is replaced where it hangs."""
        camera, number = self.camera, self._number
        try:
            camera.revive()
        except RuntimeError:
            _log.error("camera %s: the system gives no thread for it; trying again", camera.camera_id)
        wishes = Wishes(number, camera.frames_per_second, camera.may_rest)
        at_seconds, status = self._clock.monotonic(), camera.status()
        drops = {**status.drops, DropCause.QUEUE: status.drops[DropCause.QUEUE] + self._skipped}
        status = replace(status, drops=drops)
        self._channel.send(StatusReport(number, at_seconds, status, camera.is_done, camera.turns, wishes))

    def has_closed(self, timeout_seconds: float = 0.0) -> bool:
        """Stop; return whether the camera's thread has ended, and free its memory then."""
        if self.closing_seconds is None:
            self.closing_seconds = self._clock.monotonic()
        has_ended = self.camera.stop(timeout_seconds)
        if has_ended and self._memory is not None:
            self._memory.close()
            self._memory = None
        return has_ended

    def _send_picture(self) -> None:
        """Hand the newest frame on; on the camera's thread."""
        with self._sending:
            frame = self.camera.latest_frame.take()
            if frame is not None:
                self._send(frame)

    def _send(self, frame: Frame) -> None:
        image, number = frame.image, self._number
        if not isinstance(image, PlanarPicture):
            raise TypeError("a camera process decodes cameras; what is painted has no planes to hand on")
        if self._memory is None or self._memory.picture_bytes != image.nbytes:
            former, self._memory = self._memory, None
            if former is not None:
                former.close()
            message = NewMemory(number, image.nbytes)
            self._memory = PictureWriter(image.nbytes, lambda handle: self._channel.send(message, handle))
        slot = self._memory.write(image)
        if slot is None:
            self._skipped += 1
            return
        size_px = (image.shape[1], image.shape[0])
        moments = frame.time_seconds, frame.pts_seconds
        self._channel.send(PictureReady(number, slot, size_px, image.colours, *moments, frame.index, frame.stream))


class _Server:
    """Does what the station asks for."""

    def __init__(self, channel: Channel, settings: LogSettings) -> None:
        self._channel = channel
        self._logging = settings
        self._secrets: set[str] = set()
        self._clock = SystemClock()
        self._questions = _Questions(channel)
        self._cameras: dict[int, _ServedCamera] = {}
        self._reported_seconds = self._clock.monotonic()

    def turn(self) -> None:
        """Take one message, if one comes in time, and report where it is time.

        Raises:
            EOFError, OSError: The station is gone.
        """
        now = self._clock.monotonic()
        closing = [(number, one) for number, one in self._cameras.items() if one.closing_seconds is not None]
        is_soon = any(now - (one.closing_seconds or 0.0) < _LONGEST_STOP_SECONDS for _, one in closing)
        left_seconds = self._reported_seconds + _REPORT_SECONDS - now
        received = self._channel.receive(min(max(0.0, left_seconds), _CLOSING_SECONDS if is_soon else _REPORT_SECONDS))
        if received is not None:
            self._take(received[0])
        for number, camera in closing:
            if camera.has_closed():
                del self._cameras[number]
                self._channel.send(Closed(number))
        if self._clock.monotonic() - self._reported_seconds >= _REPORT_SECONDS:
            self._reported_seconds = self._clock.monotonic()
            self._channel.send(Beat())
            for camera in self._cameras.values():
                camera.report()

    def close(self) -> None:
        """Stop every camera, together and in bounded time."""
        give_up = self._clock.monotonic() + _LONGEST_STOP_SECONDS
        for camera in self._cameras.values():
            camera.has_closed()
        for camera in self._cameras.values():
            camera.has_closed(max(0.0, give_up - self._clock.monotonic()))

    def _take(self, message: object) -> None:
        if isinstance(message, Answer):
            self._questions.take(message)
        elif isinstance(message, Open) and message.number not in self._cameras:
            self._open(message)
        elif isinstance(message, Wishes) and message.number in self._cameras:
            self._cameras[message.number].take(message)
        elif isinstance(message, Close):
            if message.number in self._cameras:
                self._cameras[message.number].has_closed()
            else:
                self._channel.send(Closed(message.number))

    def _open(self, order: Open) -> None:
        self._hide(order.settings)
        try:
            camera = _ServedCamera(order, self._channel, self._questions, self._clock)
        except Exception:  # noqa: BLE001 - one camera must not end all; the station orders it again
            _log.exception("camera %s cannot be opened", order.camera_id)
        else:
            self._cameras[order.number] = camera

    def _hide(self, settings: CameraSettings) -> None:
        """Keep a camera's password out of the log."""
        if settings.password is not None:
            self._secrets.add(settings.password.get_secret_value())
        if settings.password_file is not None:
            with suppress(ValueError):  # opening the camera reports what is wrong with the file
                self._secrets.add(read_secret_file(settings.password_file))
        configure(self._logging, sorted(self._secrets - {""}))


def main(handle: int) -> None:
    """Serve cameras until the station closes its end."""
    channel = Channel(socket.socket(fileno=handle))
    begin, _ = channel.receive(None) or (None, None)
    if not isinstance(begin, Begin):
        sys.exit("a station starts this program")
    configure(begin.logging)
    # Every camera has a thread: OpenCV's own would only wait for work, and take a core while they do.
    cv2.setNumThreads(1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are for the station, which ends its processes itself
    server = _Server(channel, begin.logging)
    try:
        with suppress(EOFError, OSError):
            while True:
                server.turn()
        server.close()
    except Exception:  # noqa: BLE001 - the station starts another process
        _log.exception("a camera process ends in an unforeseen way")
    finally:
        # What hangs in GStreamer must not keep the process.
        os._exit(0)
