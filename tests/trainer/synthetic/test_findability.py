"""The monitor's own detector takes the drawings for faces; `nicu-trainer synthesize check` measures many more."""

import pytest

from monitor.errors import BundleError
from trainer.detection import open_detector
from trainer.synthetic import SessionView, StillsPlan, measure_findability, plan_stills


@pytest.fixture(scope="module")
def detector():
    try:
        return open_detector()
    except BundleError as error:
        pytest.skip(f"the face detector is not installed: {error}")


def test_the_detector_finds_synthetic_faces_at_any_angle(detector):
    plan = StillsPlan(SessionView(480, 360, (110.0, 180.0), "any", 17), infants=8, per_infant=1, confuser_share=0.6)
    result = measure_findability(plan_stills(plan), detector)
    assert result.faces == 8
    assert result.misses == ()
    assert max(result.point_errors_iod) < 0.25
