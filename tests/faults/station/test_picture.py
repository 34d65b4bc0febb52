"""Pictures that come in time and show nothing: the same one again and again, or a covered lens."""

import pytest
from faults import Fault, FaultInjector

FROZEN_SECONDS = 10.0
DARK_SECONDS = 8.0
OVER_SECONDS = 5.0


@pytest.mark.fault(
    "picture frozen or dark",
    "a real RTSP server encodes the same picture, or an almost black one, again and again; time stamps advance",
    "alarm in Redis <= 10 s (frozen) or <= 8 s (dark) after it begins, and over <= 5 s after the picture is back",
    slo="frozen picture",
)
@pytest.mark.parametrize(
    ("fault", "code", "within_seconds"),
    [
        (Fault.PICTURE_FROZEN, "picture_frozen", FROZEN_SECONDS),
        (Fault.PICTURE_DARK, "picture_dark", DARK_SECONDS),
    ],
    ids=["frozen", "dark"],
)
def test_a_picture_that_shows_nothing_is_an_alarm(make_ward, rtsp_camera, measured, fault, code, within_seconds):
    ward = make_ward({"bed": rtsp_camera.url})
    ward.settle()
    with FaultInjector(camera=rtsp_camera).during(fault):
        measured.seconds("alarm after", ward.wait_for(code, "start"), within_seconds)
        assert not ward.alerts(code="camera_lost"), "the stream goes on"
    measured.seconds("over after", ward.wait_for(code, "end"), OVER_SECONDS)
    ward.check_numbers()
