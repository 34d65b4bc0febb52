"""A camera's thread that hangs or dies is replaced, and disturbs nothing when it goes on.

After a short famine of memory or threads every camera of a station hung in GStreamer, with /healthz fine.
"""

import threading

import pytest

from monitor.clock import SystemClock
from monitor.config import CameraSettings
from monitor.station.synthetic_cameras import paint_synthetic_bed
from monitor.video.camera import Camera
from monitor.video.status import CameraState


class _ShiftedClock(SystemClock):
    shift_seconds = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.shift_seconds


class _Trap:
    """Makes painters; the first one hangs where it is told to, until it is released."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.released = threading.Event()
        self.caught: list[threading.Thread] = []

    def __call__(self, request):
        paint = paint_synthetic_bed(request)
        if self.where == "open":
            self._hang()

        def paint_or_hang(seconds: float):
            if self.where == "paint":
                self._hang()
            return paint(seconds)

        return paint_or_hang

    def _hang(self) -> None:
        if not self.caught:
            self.caught.append(threading.current_thread())
            self.released.wait(60.0)


@pytest.mark.parametrize("where", ["open", "paint"])
def test_a_thread_that_hangs_is_replaced(where, eventually):
    trap, clock = _Trap(where), _ShiftedClock()
    camera = Camera(CameraSettings(url="synthetic://calm?size=160x120"), "cam", clock, synthetic=trap)
    camera.start()
    try:
        eventually(lambda: trap.caught)
        assert not camera.revive()
        clock.shift_seconds = 60.0
        assert camera.revive()
        assert not camera.revive()
        turns = camera.turns
        eventually(lambda: camera.status().state is CameraState.PLAYING, 20.0)
        assert camera.turns > turns
        reconnects = camera.status().reconnects
        trap.released.set()
        trap.caught[0].join(20.0)
        assert not trap.caught[0].is_alive()
        frames = camera.status().frames
        eventually(lambda: camera.status().frames > frames, 20.0)
        assert camera.status().state is CameraState.PLAYING
        assert camera.status().reconnects == reconnects
    finally:
        trap.released.set()
        assert camera.stop(20.0)
    assert camera.is_done
    assert not camera.revive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_is_replaced_at_once(eventually):
    deaths = []

    def factory(request):
        if not deaths:
            deaths.append(threading.current_thread())
            raise SystemExit  # neither an error of the camera nor of its code: what a thread may die of
        return paint_synthetic_bed(request)

    camera = Camera(CameraSettings(url="synthetic://calm?size=160x120"), "cam", SystemClock(), synthetic=factory)
    camera.start()
    eventually(lambda: deaths and not deaths[0].is_alive())
    assert camera.revive()
    eventually(lambda: camera.status().state is CameraState.PLAYING, 20.0)
    assert camera.stop(20.0)


def test_a_thread_that_is_about_to_start_is_not_taken_for_one_that_died(monkeypatch):
    begun, released, answers = threading.Event(), threading.Event(), []

    class SlowThread(threading.Thread):
        """Starts late, as on a busy machine."""

        def start(self):
            if self.name == "camera-cam":
                begun.set()
                released.wait(20.0)
            super().start()

    monkeypatch.setattr(threading, "Thread", SlowThread)
    settings = CameraSettings(url="synthetic://calm?size=160x120")
    camera = Camera(settings, "cam", SystemClock(), synthetic=paint_synthetic_bed)
    opener = threading.Thread(target=camera.start)
    opener.start()
    assert begun.wait(20.0)
    supervisor = threading.Thread(target=lambda: answers.append(camera.revive()))
    supervisor.start()
    released.set()
    for thread in (opener, supervisor):
        thread.join(20.0)
    assert camera.stop(20.0)
    assert answers == [False]


def test_a_camera_that_is_stopped_while_it_is_revived_stays_stopped(eventually):
    """`stop` took the event of the thread that hung, and the thread that replaced it went on for ever."""
    trap, clock = _Trap("open"), _ShiftedClock()
    camera = Camera(CameraSettings(url="synthetic://calm?size=160x120"), "cam", clock, synthetic=trap)
    stopper = threading.Thread(target=camera.stop, args=(0.1,))

    class Event(threading.Event):
        def set(self):
            super().set()
            if not stopper.ident:
                stopper.start()
                stopper.join(1.0)

    camera._stopping = Event()
    camera.start()
    try:
        eventually(lambda: trap.caught)
        clock.shift_seconds = 60.0
        assert camera.revive()
        stopper.join(20.0)
        camera._thread.join(2.0)
        assert not camera._thread.is_alive()
        assert camera.is_done
    finally:
        trap.released.set()
        assert camera.stop(20.0)
