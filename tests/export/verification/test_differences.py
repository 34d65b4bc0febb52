"""Differences and limits: what counts as the same model."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from export.verification.differences import classifier_differences, detector_differences
from export.verification.limits import LIMITS, broken_limits
from monitor.inference.manifest import Precision

_scores = hnp.arrays(np.float32, st.integers(1, 20), elements=st.floats(0, 1, width=32))


@settings(deadline=None)
@given(_scores)
def test_the_same_answer_passes_every_gate(scores: NDArray[np.float32]) -> None:
    differences = classifier_differences({"score": scores}, {"score": scores}, threshold=0.5, band=0.0)
    assert differences.score_maximum == 0
    assert differences.flips == 0
    assert all(broken_limits(differences, limits) == () for limits in LIMITS.values())


@settings(deadline=None)
@given(_scores, st.data())
def test_one_number_that_is_not_finite_fails_every_gate(scores: NDArray[np.float32], data: st.DataObject) -> None:
    broken = scores.copy()
    broken[data.draw(st.integers(0, len(scores) - 1))] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    differences = classifier_differences({"score": scores}, {"score": broken}, threshold=0.5, band=0.1)
    assert not differences.finite
    assert differences.score_maximum == 1
    assert all("not finite" in broken_limits(differences, limits)[0] for limits in LIMITS.values())


def test_flips_count_outside_the_band_only() -> None:
    reference = {"score": np.array([0.45, 0.55, 0.2, 0.8], np.float32)}
    answer = {"score": np.array([0.51, 0.49, 0.6, 0.9], np.float32)}
    assert classifier_differences(reference, answer, threshold=0.5, band=0.1).flips == 1
    assert classifier_differences(reference, answer, threshold=0.5, band=0.01).flips == 3


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        (lambda logit: logit, True),
        (lambda logit: logit * 1.001, True),
        (lambda logit: logit * 2.0, False),
        (lambda logit: np.sign(logit) * 10.0, False),
        (lambda logit: logit + 1.0, False),
    ],
)
def test_log_odds_count_where_scores_are_saturated(
    change: Callable[[NDArray[np.float64]], NDArray[np.float64]], passes: bool
) -> None:
    """Doubled log-odds of 8 and more change no score by more than 0.0004; the station's prior works on log-odds."""
    logit = np.array([-12.0, -9.5, -8.0, 8.2, 9.9, 12.0])

    def answers(values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {"score": 1.0 / (1.0 + np.exp(-values)), "logit": values}

    differences = classifier_differences(answers(logit), answers(change(logit)), threshold=0.5, band=0.005)
    assert differences.score_maximum < 0.001
    phrases = broken_limits(differences, LIMITS["fp32"])
    assert (phrases == ()) is passes
    if not passes:
        assert phrases[0].startswith("log-odds differ by")


def _faces(shift: float = 0.0, score: float = 0.95, point: float = 0.0) -> dict[str, NDArray[np.float32]]:
    boxes = np.array([[[10, 10, 50, 60], [100, 100, 120, 130]]], np.float32) + np.float32(shift)
    landmarks = np.full((1, 2, 5, 2), 30, np.float32) + np.float32(point)
    return {"boxes": boxes, "scores": np.array([[score, 0.1]], np.float32), "landmarks": landmarks}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_faces(), None),
        (_faces(shift=15), "box overlaps|faces are missed"),
        (_faces(point=4), "a point lies 0.141 face widths away"),
        (_faces(score=0.3), "1 faces are missed"),
        (_faces(score=0.79), "1 decisions flip"),
    ],
)
def test_a_detector_that_moved_is_noticed(answer: dict[str, NDArray[np.float32]], reason: str | None) -> None:
    limits = LIMITS["fp16"]
    differences = detector_differences(_faces(), answer, threshold=0.8, band=limits.band, suppression=0.4)
    phrases = "; ".join(broken_limits(differences, limits))
    if reason is None:
        assert phrases == ""
    else:
        assert any(part in phrases for part in reason.split("|")), phrases


def test_a_reference_without_faces_proves_nothing() -> None:
    differences = detector_differences(_faces(score=0.2), _faces(score=0.2), threshold=0.8, band=0.0, suppression=0.4)
    assert broken_limits(differences, LIMITS["int8"]) != ()


def _with_face_at(left: float, score: float) -> dict[str, NDArray[np.float32]]:
    """The usual answer, whose second candidate is a box elsewhere."""
    answer = _faces()
    answer["boxes"][0, 1] = (left, 100, left + 40, 150)
    answer["scores"][0, 1] = score
    return answer


@pytest.mark.parametrize("precision", list(LIMITS))
def test_a_face_where_the_reference_has_none_is_noticed(precision: Precision) -> None:
    """A second face in a station is a second patient, or takes the track."""
    limits = LIMITS[precision]

    def phrases(answer: dict[str, NDArray[np.float32]]) -> str:
        wanted = _with_face_at(100, 0.0)
        found = detector_differences(wanted, answer, threshold=0.8, band=limits.band, suppression=0.4)
        return "; ".join(broken_limits(found, limits))

    assert phrases(_with_face_at(200, 0.98)).endswith("; 1 faces are found where there is none")
    beside_the_first = _with_face_at(200, 0.9)
    beside_the_first["boxes"][0, 1] = beside_the_first["boxes"][0, 0] + 1
    assert phrases(beside_the_first) == "", "non-maximum suppression removes it"


@pytest.mark.parametrize("precision", list(LIMITS))
@pytest.mark.parametrize(("wanted", "found"), [(0.6, 0.0), (0.0, 0.6), (0.9, 0.4)])
def test_every_face_counts_down_to_hints_and_not_the_best_alone(
    precision: Precision, wanted: float, found: float
) -> None:
    """A station may look from a lower score on, and takes low ones of small scans for hints."""
    limits = LIMITS[precision]

    def phrases(reference: float, answer: float) -> str:
        pair = _with_face_at(200, reference), _with_face_at(200, answer)
        return "; ".join(broken_limits(detector_differences(*pair, threshold=0.95, band=0.0, suppression=0.4), limits))

    assert f"score differs by {abs(wanted - found):.4f}" in phrases(wanted, found)
    assert phrases(wanted, wanted) == ""
    assert phrases(0.04, 0.0) == "", "nobody reads it"


def test_a_face_that_the_reference_nearly_sees_may_be_found() -> None:
    found = detector_differences(
        _with_face_at(200, 0.75), _with_face_at(200, 0.81), threshold=0.8, band=0.1, suppression=0.4
    )
    assert found.faces_invented == 0


def _whole_answer(**changes: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    logit = np.array([-1.4, 2.2, 0.8])
    answer = {
        "score": 1.0 / (1.0 + np.exp(-logit)),
        "logit": logit,
        "contributions": np.stack([logit - 1.0, np.ones(3)], axis=1),
        "visible": np.array([[0.99, 0.98, 0.99, 0.97], [0.99, 0.99, 0.02, 0.01], [0.98, 0.99, 0.99, 0.99]]),
        "presence": np.array([0.99, 0.95, 0.0001]),
        "points": np.full((3, 8, 3), 90.0),
    }
    return {**answer, **changes}


def _moved(rows: slice, px: float) -> NDArray[np.float64]:
    points = np.full((3, 8, 3), 90.0)
    points[rows, 0, 0] += px
    return points


@pytest.mark.parametrize("precision", list(LIMITS))
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"visible": 1.0 - _whole_answer()["visible"]}, "visibility"),
        ({"visible": np.ones((3, 4))}, "visibility"),
        ({"presence": np.array([0.01, 0.95, 0.0001])}, "visibility"),
        ({"presence": np.array([0.99, 0.95, 0.011])}, "1 regions or faces are seen that are hidden"),
        ({"contributions": _whole_answer()["contributions"][:, ::-1]}, "parts of log-odds"),
        ({"points": _moved(slice(0, 1), 5.0)}, "a point lies 5.000 px away"),
        ({"points": _moved(slice(2, 3), 5.0)}, None),
    ],
)
def test_everything_that_the_monitor_reads_of_a_classifier_is_compared(
    precision: Precision, changes: dict[str, NDArray[np.float64]], reason: str | None
) -> None:
    """What is hidden decides whether a score is shown, and the points of a crop without a face are used by nobody."""
    limits = LIMITS[precision]
    found = classifier_differences(_whole_answer(), _whole_answer(**changes), threshold=0.5, band=limits.band)
    phrases = "; ".join(broken_limits(found, limits))
    assert phrases == "" if reason is None else reason in phrases


def test_a_constant_that_the_monitor_would_take_for_an_answer_is_noticed() -> None:
    constant = -1.930769

    def answers(logit: float) -> dict[str, NDArray[np.float64]]:
        return {"score": np.array([1.0 / (1.0 + np.exp(-logit))]), "logit": np.array([logit])}

    for engine, logit, scored in (
        ("onnxruntime", -1.9307693, 0),
        ("onnxruntime", -1.9350961, 1),
        ("openvino-bf16", -1.9350961, 0),
        ("openvino-bf16", -1.96, 1),
    ):
        found = classifier_differences(
            answers(constant), answers(logit), threshold=0.5, band=0.1, constant=constant, engine=engine
        )
        assert found.constants_scored == scored, (engine, logit)
        assert ("silent network" in "; ".join(broken_limits(found, LIMITS["int8"]))) == bool(scored)
