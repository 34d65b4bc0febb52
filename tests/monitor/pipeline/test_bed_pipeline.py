"""One bed's chain: what a frame leads to, and what a failing model does not."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import AlarmSettings, BedSettings, CameraSettings, FaceSettings, ModelSettings
from monitor.errors import EngineError
from monitor.inference.classifier import FaceAnswer
from monitor.pain.vocabulary import Code, Occupancy, Phase, Validity
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.models import ModelSet
from monitor.pipeline.prior import shift_prior
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame
from monitor.video.status import CameraState, CameraStatus

shares = st.floats(0.001, 0.999)


@pytest.fixture(scope="module")
def models():
    opened = ModelSet(ModelSettings(), FaceSettings()).open()
    yield opened
    opened.close()


def make_bed(**changes):
    numbers = itertools.count()
    settings = BedSettings(id="bed-1", camera=CameraSettings(url="synthetic://calm"))
    return BedPipeline(
        settings, FaceSettings(), AlarmSettings(), lambda: f"id-{next(numbers)}", stopwatch=lambda: 0.0, **changes
    )


def frames(scenario, seconds, seed=3, rate=2.5):
    painter = SyntheticBed(seed, scenario, width_px=640, height_px=360)
    for index in range(int(seconds * rate)):
        yield Frame(painter.frame(index / rate)[0], index / rate, index / rate, index)


class BrokenDetector:
    """Stands in for a detector whose engine fails, which no real one can be asked to do."""

    size_px, face_size_px = 640, 320

    def detect(self, *_args, **_kwargs):
        raise EngineError("the engine lost its device; restart the station")


class NotANumber:
    """A classifier whose model answers with something that is no probability."""

    def answers(self, crops):
        return [FaceAnswer(None)] * len(crops)


@pytest.fixture(scope="module", params=[None, "ncnn-demo"])
def each_classifier(request):
    """The default classifier, and N-CNN by name."""
    settings = ModelSettings() if request.param is None else ModelSettings(classifier=request.param)
    opened = ModelSet(settings, FaceSettings()).open()
    yield opened
    opened.close()


def test_a_pain_episode_raises_an_alarm_that_ends_with_it(each_classifier):
    bed = make_bed()
    changes = [t for frame in frames("pain", 55) for t in bed.analyse(frame, each_classifier).transitions]
    pain = [t.phase for t in changes if t.code is Code.PAIN_SIGN]
    assert pain[0] is Phase.START
    assert Phase.END in pain


def test_an_infant_at_rest_raises_no_pain_alarm(each_classifier):
    bed = make_bed()
    results = [bed.analyse(frame, each_classifier) for frame in frames("calm", 10, seed=8)]
    assert not {Code.PAIN_SIGN, Code.PAIN_SUSTAINED} & {t.code for r in results for t in r.transitions}
    scores = [r.observation.score for r in results if r.observation.score is not None]
    assert len(scores) > 0.8 * len(results)
    assert max(scores) < 0.6


def test_a_model_that_fails_is_reported_and_never_reads_as_no_pain(models):
    bed = make_bed()
    broken = dataclasses.replace(models, detector=BrokenDetector())
    results = [bed.analyse(frame, broken) for frame in frames("calm", 8)]
    assert all(r.observation.level is None and r.observation.validity is Validity.INVALID for r in results)
    assert all("device" in r.failure for r in results)
    assert Code.MODEL_DEGRADED in {t.code for r in results for t in r.transitions}


def test_a_score_that_is_no_probability_never_reaches_the_level(models):
    bed = make_bed()
    results = [bed.analyse(frame, dataclasses.replace(models, classifier=NotANumber())) for frame in frames("calm", 5)]
    assert any(r.frame_faces.patient is not None for r in results)
    assert all(r.observation.score is None and r.observation.level is None for r in results)


class HungDetector:
    """Hangs in its first frame, while the bed gets another region and another worker goes on with it."""

    size_px, face_size_px = 640, 320

    def __init__(self, detector, meanwhile):
        self._detector, self._meanwhile = detector, meanwhile

    def detect(self, *arguments, **named):
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        return self._detector.detect(*arguments, **named)


def test_what_a_hung_worker_finds_in_the_region_from_before_is_left(models):
    bed = make_bed()
    settings = BedSettings(id="bed-1", camera=CameraSettings(url="synthetic://calm"))
    others = []

    def meanwhile():
        bed.change_settings(settings)
        others.extend(bed.analyse(frame, models) for frame in itertools.islice(frames("calm", 4), 1, None))

    first = next(frames("calm", 4))
    late = bed.analyse(first, dataclasses.replace(models, detector=HungDetector(models.detector, meanwhile)))
    assert others[-1].frame_faces.patient is not None
    assert late.frame_faces is None
    assert late.observation.score == others[-1].observation.score
    assert late.observation.time_seconds == others[-1].observation.time_seconds


def test_a_lost_camera_is_an_alarm_and_its_return_the_end():
    bed = make_bed()
    lost = CameraStatus("c", "rtsp://x", CameraState.LOST, seconds_since_frame=1.0, last_error="no route to host")
    back = CameraStatus("c", "rtsp://x", CameraState.PLAYING, seconds_since_frame=0.1)
    changes = []
    for turn in range(40):
        _, changed = bed.update_camera(lost if turn < 30 else back, turn * 0.2)
        changes += changed
    phases = [(t.code, t.phase) for t in changes]
    assert phases == [(Code.CAMERA_LOST, Phase.START), (Code.CAMERA_LOST, Phase.END)]
    assert "no route" in changes[0].detail


def test_an_alarm_goes_on_after_a_restart_with_the_same_id(models):
    stored = []
    bed = make_bed(on_change=lambda bed, changes: stored.append((bed.snapshot(datetime.now(UTC)), changes)))
    for frame in frames("pain", 20):
        bed.analyse(frame, models)
    snapshot, changes = stored[-1]
    again = make_bed()
    active = again.restore(snapshot, datetime.now(UTC) + timedelta(seconds=5), now_seconds=1000.0)
    assert {t.alert_id for t in active} == {t.alert_id for _, changed in stored for t in changed}
    # Nobody saw the infant meanwhile: the alarm stays, and says that it cannot be confirmed.
    _, later = again.update_camera(CameraStatus("c", "x", CameraState.LOST), 1010.0)
    assert all(t.phase is not Phase.END for t in later if t.code is Code.PAIN_SIGN)
    assert changes


@pytest.mark.parametrize("text", ["", "{}", '{"saved_at": "x", "state": {}}', '{"saved_at": 1, "state": 3}', "[1]"])
def test_a_damaged_snapshot_is_refused_and_changes_nothing(text):
    with pytest.raises(ValueError, match=r"."):
        make_bed().restore(text, datetime.now(UTC), 0.0)


@given(score=shares, training=shares, expected=shares)
def test_moving_a_prior_there_and_back_changes_nothing(score, training, expected):
    assert shift_prior(shift_prior(score, training, expected), expected, training) == pytest.approx(score, rel=1e-6)


@given(score=shares, training=shares, expected=shares)
def test_a_rarer_condition_lowers_the_score_and_keeps_the_order(score, training, expected):
    moved = shift_prior(score, training, expected)
    assert 0.0 <= moved <= 1.0
    if expected < training:
        assert moved <= score
    assert shift_prior(min(score + 0.0005, 0.9995), training, expected) >= moved


def test_frames_of_another_size_do_not_upset_the_chain(models):
    bed = make_bed()
    for index, shape in enumerate([(360, 640, 3), (720, 1280, 3), (48, 64, 3)]):
        result = bed.analyse(Frame(np.zeros(shape, np.uint8), float(index), None, index), models)
        assert result.observation.level is None


class DischargedMeanwhile:
    """A classifier during whose work somebody acts at the bed."""

    def __init__(self, classifier, act):
        self._classifier = classifier
        self._act = act

    def answers(self, crops):
        self._act()
        return self._classifier.answers(crops)


def test_the_frames_of_an_empty_bed_are_not_analysed_and_the_next_infant_is_followed_from_nothing(models):
    bed = make_bed()
    seen = [bed.analyse(frame, models) for frame in frames("calm", 5)]
    identity = seen[-1].frame_faces.face_id
    assert identity is not None
    bed.discharge("nurse-7", 5.0)
    for frame in frames("pain", 20):
        result = bed.analyse(dataclasses.replace(frame, time_seconds=6.0 + frame.time_seconds), models)
        assert result.frame_faces is None
        assert (result.observation.level, result.observation.occupancy) == (None, Occupancy.EMPTY)
        assert result.transitions == ()
    bed.admit("nurse-7", 30.0, "infant-12")
    later = [dataclasses.replace(frame, time_seconds=31.0 + frame.time_seconds) for frame in frames("calm", 5, seed=8)]
    results = [bed.analyse(frame, models) for frame in later]
    assert results[-1].observation.level is not None
    assert results[-1].observation.coverage > 0.5


def test_a_frame_that_was_analysed_while_another_infant_was_admitted_says_nothing_about_it(models):
    bed = make_bed()
    waiting = iter(frames("calm", 9))
    for _ in range(20):
        bed.analyse(next(waiting), models)
    frame = next(waiting)
    acting = DischargedMeanwhile(models.classifier, lambda: bed.admit("nurse-7", frame.time_seconds - 0.01))
    result = bed.analyse(frame, dataclasses.replace(models, classifier=acting))
    assert (result.observation.score, result.observation.level) == (None, None)
    assert result.observation.seconds_since_face is None


def test_a_stand_by_until_a_face_returns_ends_when_the_infant_is_back(models):
    bed = make_bed()
    bed.standby("nurse-7", 0.0, until_face=True)
    changes = []
    for number, scenario in enumerate(("empty", "calm")):
        for frame in frames(scenario, 8):
            result = bed.analyse(dataclasses.replace(frame, time_seconds=0.1 + 8 * number + frame.time_seconds), models)
            changes += [(t.code, t.phase) for t in result.transitions]
    assert changes == [(Code.BED_STANDBY, Phase.END)]
    assert result.observation.occupancy is Occupancy.OCCUPIED
    assert result.observation.level is not None
