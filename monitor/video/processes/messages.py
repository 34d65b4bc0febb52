"""What a station and its camera processes send each other, over a pair of sockets that nobody else can open.

Both ends are the same program of the same version, so that messages are Python's own pickles; a camera's settings, with
its login, go this way and never into a command line or the environment.
"""

import pickle
import select
import socket
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from monitor.config import CameraSettings, LogSettings
from monitor.video.planar_picture import YuvColours
from monitor.video.status import CameraStatus

__all__ = [
    "Answer",
    "Beat",
    "Begin",
    "Channel",
    "Close",
    "Closed",
    "NewMemory",
    "Open",
    "PictureReady",
    "Question",
    "Request",
    "StatusReport",
    "Wishes",
]

_LARGEST_BYTES = 128 * 1024
_MOST_HANDLES = 4


class Request(StrEnum):
    """What a camera asks the station's governor: a method of `DecodePermits`."""

    SHED = "may_shed"
    MUST_SHED = "must_shed"
    RETURN = "may_return"


@dataclass(frozen=True, slots=True)
class Begin:
    """To a new process: how it writes its log."""

    logging: LogSettings


@dataclass(frozen=True, slots=True)
class Open:
    """To the process: open a camera.

    Attributes:
        number: The camera's, never used again.
        settings: Of the camera.
        camera_id: Its name.
        frames_per_second: Rate at which frames are handed on in the ordinary case.
        phase: Where its frames lie between those of other cameras.
    """

    number: int
    settings: CameraSettings
    camera_id: str
    frames_per_second: float | None
    phase: float | None


@dataclass(frozen=True, slots=True)
class Close:
    """To the process: stop a camera."""

    number: int


@dataclass(frozen=True, slots=True)
class Wishes:
    """To the process: the rate at which a camera's frames are wanted, and whether key frames are enough."""

    number: int
    frames_per_second: float | None
    may_rest: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """To the process: the answer to a question."""

    question: int
    is_allowed: bool


@dataclass(frozen=True, slots=True)
class Question:
    """To the station: may a camera decode key frames only, or every picture again?"""

    question: int
    number: int
    request: Request
    now_seconds: float
    keyframe_interval_seconds: float


@dataclass(frozen=True, slots=True)
class NewMemory:
    """To the station, with the handle of it: memory for pictures of another size; see `shared_pictures`."""

    number: int
    picture_bytes: int


@dataclass(frozen=True, slots=True)
class PictureReady:
    """To the station: a frame lies in the camera's newest memory; for the fields see `Frame`."""

    number: int
    slot: int
    size_px: tuple[int, int]
    colours: YuvColours
    time_seconds: float
    pts_seconds: float | None
    index: int
    stream: int


@dataclass(frozen=True, slots=True)
class StatusReport:
    """To the station, a few times a second: what is known of a camera.

    Attributes:
        number: The camera's.
        at_seconds: Monotonic time of the report.
        status: At that time.
        is_done: Whether nothing more is expected of it.
        turns: How often its thread has gone round.
        wishes: What it works by.
    """

    number: int
    at_seconds: float
    status: CameraStatus
    is_done: bool
    turns: int
    wishes: Wishes


@dataclass(frozen=True, slots=True)
class Closed:
    """To the station: a camera was stopped, and nothing more comes of it."""

    number: int


@dataclass(frozen=True, slots=True)
class Beat:
    """To the station, a few times a second: the process goes on, with or without cameras."""


class Channel:
    """One end of the pair. Any thread may send; one receives.

    Args:
        end: A socket that keeps the boundaries of messages; owned from now on.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lock = threading.Lock()
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)

    def send(self, message: object, handle: int | None = None) -> None:
        """Send a message, with a handle of a file or of memory; wait while the other end has much to read.

        Raises:
            OSError: The other end is gone.
        """
        data = pickle.dumps(message)
        with self._lock:
            if handle is None:
                self._end.send(data)
            else:
                socket.send_fds(self._end, [data], [handle])

    def offer(self, message: object) -> bool:
        """Send a message where that needs no waiting and the other end is there; return whether it was sent."""
        data = pickle.dumps(message)
        try:
            with self._lock:
                self._end.send(data, socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def receive(self, timeout_seconds: float | None) -> tuple[Any, int | None] | None:
        """Return the next message and the handle that came with it; None where none came in time.

        Raises:
            EOFError: The other end is gone.
        """
        # Not by the socket's own time limit, which would hold for what other threads send.
        if not self._poll.poll(None if timeout_seconds is None else 1_000 * timeout_seconds):
            return None
        try:
            data, handles, _, _ = socket.recv_fds(self._end, _LARGEST_BYTES, _MOST_HANDLES)
        except ConnectionError as error:
            raise EOFError("the other end is gone") from error
        if not data:
            raise EOFError("the other end is gone")
        return pickle.loads(data), handles[0] if handles else None  # noqa: S301 - from this program's own process

    def close(self) -> None:
        """Close this end."""
        with self._lock:
            self._end.close()
