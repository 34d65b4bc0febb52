"""What is hidden is not scored; what is not known is not taken for hidden."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import AlarmSettings, BedSettings, CameraSettings, FaceSettings, ModelSettings
from monitor.faces.region_visibility import RegionVisibility
from monitor.pain import Code, Kind, Region, Validity
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.covered_face import hidden_regions
from monitor.pipeline.models import ModelSet
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame

shares = st.one_of(st.none(), st.floats(0.0, 1.0))


@pytest.mark.parametrize(
    ("seen", "hidden"),
    [
        (RegionVisibility(), ()),
        (RegionVisibility(1.0, 1.0, 1.0, 1.0), ()),
        (RegionVisibility(1.0, 1.0, 1.0, 0.2), (Region.MOUTH,)),
        (RegionVisibility(0.1, 0.2, 1.0, 1.0), (Region.EYES,)),
        (RegionVisibility(0.1, 0.9, 0.0, 1.0), ()),
        (RegionVisibility(0.1, None, 0.0, 0.1), (Region.EYES, Region.MOUTH)),
    ],
)
def test_one_eye_is_enough_and_the_nose_does_not_count(seen, hidden):
    assert hidden_regions(seen) == hidden


@given(left=shares, right=shares, nose=shares, mouth=shares)
def test_left_and_right_are_worth_the_same_and_seeing_more_hides_nothing(left, right, nose, mouth):
    hidden = hidden_regions(RegionVisibility(left, right, nose, mouth))
    assert hidden == hidden_regions(RegionVisibility(right, left, None, mouth))
    assert Region.EYES not in hidden_regions(RegionVisibility(left, 1.0, nose, mouth))


class UnderACloth:
    """Says that the mouth is hidden for some frames; the estimator itself has tests of its own."""

    def __init__(self, from_call, to_call):
        self._calls = itertools.count()
        self._hidden = range(from_call, to_call)

    def estimate(self, *_face):
        return RegionVisibility(0.9, 0.9, 0.9, 0.1 if next(self._calls) in self._hidden else 0.9)


def test_frames_with_a_hidden_mouth_have_no_score_and_the_bed_cannot_be_seen():
    models = ModelSet(ModelSettings(), FaceSettings()).open()
    numbers = itertools.count()
    bed = BedPipeline(
        BedSettings(id="bed-1", camera=CameraSettings(url="synthetic://calm")),
        FaceSettings(),
        AlarmSettings(covered_after_seconds=6.0),
        lambda: f"id-{next(numbers)}",
        stopwatch=lambda: 0.0,
    )
    painter = SyntheticBed(3, "calm", width_px=640, height_px=360)
    covered = dataclasses.replace(models, regions=UnderACloth(40, 10_000))
    results = [bed.analyse(Frame(painter.frame(n / 5)[0], n / 5, n / 5, n), covered) for n in range(120)]
    assert results[38].observation.validity is Validity.VALID
    late = results[80:]
    assert all(r.observation.score is None and r.classify_seconds == 0.0 for r in late if r.observation.hidden)
    assert late[-1].observation.level is None
    assert late[-1].observation.hidden == (Region.MOUTH,)
    changes = [t for r in results for t in r.transitions]
    assert [(t.code, t.kind) for t in changes] == [(Code.FACE_COVERED, Kind.TECHNICAL)]
    models.close()
