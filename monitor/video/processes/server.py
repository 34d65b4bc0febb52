"""Starts a camera process, keeps it, and starts it again where it has ended or hangs."""

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from monitor.backoff import Backoff
from monitor.clock import Clock
from monitor.exit_status import describe_exit
from monitor.loops import run_until_done
from monitor.phrases import Phrase, message
from monitor.video.processes.messages import (
    Answer,
    Begin,
    Channel,
    Close,
    Closed,
    NewMemory,
    PictureReady,
    Question,
    StatusReport,
)
from monitor.video.processes.remote_camera import RemoteCamera
from monitor.video.processes.shared_pictures import PictureReader

__all__ = ["ProcessServer"]

_log = logging.getLogger(__name__)

_TURN_SECONDS = 0.25
_ORDER_SECONDS = 1.0
_SILENT_SECONDS = 10.0
_FIRST_SILENT_SECONDS = 60.0
"""A machine that starts many beds at once takes a while to load GStreamer."""
_STOP_SECONDS = 6.0
_KILL_SECONDS = 2.0
_LASTING_SECONDS = 10.0
_LONGEST_WAIT_SECONDS = 10.0
"""A stream that kills its process again and again becomes an alarm: between two starts its beds are lost so long."""
_ROOT = str(Path(__file__).parents[3])
_PROGRAM = (
    "import sys; root, handle = sys.argv[1:]; root in sys.path or sys.path.insert(0, root); "
    "from monitor.video.processes.worker import main; main(int(handle))"
)
"""Of the package that this process runs, wherever it was started."""
_ENDED = message("its camera process ended and is started again")


class ProcessServer:
    """Owns one camera process, and the thread that reads from it.

    Args:
        name: Of the process, such as `camera process 1`.
        begin: How it writes its log.
        clock: Monotonic time of the machine.
        ticked: Called at least every few seconds while the thread goes on.
    """

    def __init__(self, name: str, begin: Begin, clock: Clock, ticked: Callable[[], None]) -> None:
        self.name = name
        self._begin = begin
        self._clock = clock
        self._ticked = ticked
        self._backoff = Backoff(cap_seconds=_LONGEST_WAIT_SECONDS)
        self._lock = threading.Lock()
        self._cameras: dict[int, RemoteCamera] = {}
        self._closing: frozenset[int] = frozenset()
        self._reported: set[int] = set()
        self._memories: dict[int, PictureReader] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._began_seconds = self._heard_seconds = self._ordered_seconds = 0.0
        self._has_reported = False
        self.starts = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name.replace(" ", "-"), daemon=True)

    @property
    def cameras(self) -> int:
        """How many cameras it has."""
        return len(self._cameras)

    @property
    def pid(self) -> int | None:
        """Of the process; None while none runs."""
        process = self._process
        return None if process is None else process.pid

    def start(self) -> None:
        """Start the process, and the thread that reads from it."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let the process and the thread end; returns at once."""
        self._stopping.set()

    def stop(self) -> None:
        """End the process and the thread."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS + 2.0)

    def open(self, camera: RemoteCamera) -> None:
        """Open a camera, again and again until it is closed."""
        with self._lock:
            self._cameras = {**self._cameras, camera.number: camera}
        self._offer(camera.order)

    def close(self, camera: RemoteCamera) -> None:
        """Close a camera; `RemoteCamera.note_closed` follows."""
        with self._lock:
            self._closing |= {camera.number}
        self._offer(Close(camera.number))
        if self._channel is None:  # a process that begins now knows nothing of it
            self._forget(camera.number)

    def wish(self, camera: RemoteCamera) -> None:
        """Let a camera work by its wishes; where they cannot be sent now, its next report makes up for it."""
        self._offer(camera.wishes)

    def _run(self) -> None:
        run_until_done(self._turn, f"the thread of {self.name}")

    def _turn(self) -> bool:
        if self._stopping.is_set():
            self._end()
            return True
        channel = self._channel
        try:
            if channel is None:
                self._spawn()
            else:
                self._serve(channel)
        except EOFError:
            self._lose("ended")
        except Exception:  # noqa: BLE001 - what it sends cannot be used; a new process starts from nothing
            _log.exception("%s failed in an unforeseen way", self.name)
            self._lose("is given up")
        self._ticked()
        return False

    def _serve(self, channel: Channel) -> None:
        """Take one message, if one comes in time.

        Raises:
            EOFError: The process has ended.
        """
        received = channel.receive(_TURN_SECONDS)
        now = self._clock.monotonic()
        if received is not None:
            self._heard_seconds = now
            self._take(channel, *received)
        if now - self._ordered_seconds >= _ORDER_SECONDS:
            self._order_again()
        if now - self._began_seconds >= _LASTING_SECONDS:
            self._backoff.reset()
        limit_seconds = _SILENT_SECONDS if self._has_reported else _FIRST_SILENT_SECONDS
        if now - self._heard_seconds > limit_seconds:
            self._lose(f"said nothing for {limit_seconds:g} s")

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-c", _PROGRAM, _ROOT, str(theirs.fileno())]
        try:
            with theirs:
                process = subprocess.Popen(  # noqa: S603 - this program itself
                    command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
                )
        except OSError as error:
            ours.close()
            _log.error("%s cannot be started (%s); trying again", self.name, error.strerror)
            self._stopping.wait(self._backoff.next_seconds())
            return
        channel = Channel(ours)
        self._process, self._has_reported = process, False
        self.starts += 1
        self._began_seconds = self._heard_seconds = self._clock.monotonic()
        channel.offer(self._begin)
        self._channel = channel
        self._order_again()

    def _lose(self, why: str) -> None:
        """Give up a process that ended or hangs, and everything that it had."""
        process, channel = self._process, self._channel
        self._process = self._channel = None
        if channel is not None:
            channel.close()
        if process is not None:
            status = _kill(process)
            _log.error("%s %s (%s); it is started again", self.name, why, describe_exit(status))
        self._memories.clear()
        self._reported.clear()
        for number in self._closing:
            self._forget(number)
        for camera in self._cameras.values():
            camera.note_lost(Phrase(_ENDED))
        self._stopping.wait(self._backoff.next_seconds())

    def _end(self) -> None:
        process, channel = self._process, self._channel
        self._process = self._channel = None
        if channel is not None:
            channel.close()
        if process is not None:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _log.error("%s does not end and is killed", self.name)
                _kill(process)
        for number in tuple(self._cameras):
            self._forget(number)

    def _take(self, channel: Channel, message: object, handle: int | None) -> None:
        number = getattr(message, "number", None)
        camera = None if number is None else self._cameras.get(number)
        if camera is None:
            if handle is not None:
                os.close(handle)
            if isinstance(message, StatusReport):
                channel.offer(Close(message.number))  # of a camera that was closed while it was ordered
        elif isinstance(message, NewMemory):
            self._memories.pop(camera.number, None)  # never a picture of it under the time of a new one
            if handle is None:
                raise OSError("the system gave no handle for the memory of pictures")
            self._memories[camera.number] = PictureReader(handle, message.picture_bytes)
        elif isinstance(message, PictureReady):
            camera.take_picture(
                self._memories[camera.number].picture(message.slot, message.size_px, message.colours), message
            )
        elif isinstance(message, StatusReport):
            self._take_report(channel, camera, message)
        elif isinstance(message, Question):
            channel.offer(Answer(message.question, camera.answer(message)))
        elif isinstance(message, Closed):
            self._forget(camera.number)

    def _take_report(self, channel: Channel, camera: RemoteCamera, report: StatusReport) -> None:
        self._reported.add(camera.number)
        self._has_reported = True
        if not camera.take_report(report):
            channel.offer(camera.wishes)

    def _forget(self, number: int) -> None:
        with self._lock:
            camera = self._cameras.get(number)
            self._cameras = {other: one for other, one in self._cameras.items() if other != number}
            self._closing -= {number}
        self._memories.pop(number, None)
        self._reported.discard(number)
        if camera is not None:
            camera.note_closed()

    def _order_again(self) -> None:
        """Order what the process has not answered to; it takes an order that it knows already for the same one."""
        self._ordered_seconds = self._clock.monotonic()
        for number, camera in self._cameras.items():
            if number in self._closing:
                self._offer(Close(number))
            elif number not in self._reported and not camera.is_done:
                self._offer(camera.order)

    def _offer(self, order: object) -> bool:
        channel = self._channel
        return channel is not None and channel.offer(order)


def _kill(process: subprocess.Popen[bytes]) -> int | None:
    """Kill a process; return its exit status, None where it does not even end then."""
    process.kill()
    try:
        return process.wait(_KILL_SECONDS)
    except subprocess.TimeoutExpired:
        return None
