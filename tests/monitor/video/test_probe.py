"""What counts as the newest picture where pictures are chosen before they are decoded, as of an MJPEG camera."""

import pytest

from monitor.clock import ManualClock
from monitor.video.probe import PipelineProbe
from monitor.video.sampling import Sampler
from monitor.video.stall_watchdog import StallLimits, Watchdog

_INTERVAL_SECONDS = 0.1


class _MjpegCamera:
    """Ten pictures a second, of which the probe chooses one in two seconds."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.probe = PipelineProbe(self.clock, Sampler(0.5))
        self.probe.sample_before_decoding = True
        self._pts_ns = 0

    def send(self, *, corrupt: bool = False, decodes: bool = True) -> None:
        """Send the next picture."""
        self.clock.advance(_INTERVAL_SECONDS)
        self._pts_ns += 100_000_000
        if self.probe.encoded(self._pts_ns, keyframe=True) and decodes:
            self.probe.decoded(self._pts_ns, corrupt=corrupt)

    def age_seconds(self) -> float:
        """Return the age of the newest picture."""
        assert self.probe.picture_seconds is not None
        return self.clock.monotonic() - self.probe.picture_seconds


def test_a_camera_is_not_lost_between_two_chosen_pictures() -> None:
    camera = _MjpegCamera()
    camera.send()
    limits = StallLimits(data_seconds=0.8, picture_seconds=1.5)
    watchdog = Watchdog(limits, camera.clock.monotonic())
    for _ in range(60):
        camera.send()
        assert camera.age_seconds() <= _INTERVAL_SECONDS
        probe = camera.probe
        assert watchdog.fault(camera.clock.monotonic(), probe.data_seconds, probe.decoded_seconds) is None
    assert camera.probe.undecoded >= 55
    camera.clock.advance(3.0)
    assert camera.age_seconds() >= 3.0, "it sends nothing"


@pytest.mark.parametrize("fault", [{"corrupt": True}, {"decodes": False}])
def test_pictures_that_are_left_out_do_not_hide_that_the_chosen_ones_cannot_be_decoded(fault: dict[str, bool]) -> None:
    camera = _MjpegCamera()
    for _ in range(30):
        camera.send()
    for _ in range(70):
        camera.send(**fault)
    # Until the first chosen picture that fails, nothing can be known.
    assert camera.age_seconds() >= 7.0 - 2.0 - _INTERVAL_SECONDS
    for _ in range(30):
        camera.send()
    assert camera.age_seconds() <= _INTERVAL_SECONDS
