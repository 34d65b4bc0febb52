"""A detector is measured on infants that it cannot have learnt from, and by the infant's face, not by a carer's."""

import numpy as np
import pytest
import torch

from monitor.synthetic.identity import infant
from trainer.detector.bundle_weights import PretrainedDetector, empty_network
from trainer.detector.graph import AnchorSpec, DetectorGraph, Normalisation
from trainer.detector_fitting import pictures
from trainer.detector_fitting.fitting import fit_detector
from trainer.detector_fitting.measuring import measure, unseen_views
from trainer.detector_fitting.pictures import Scene, View
from trainer.detector_fitting.settings import FitSettings

SIZE_PX = 64
INFANT, CARER, ELSEWHERE = (4.0, 4.0, 28.0, 30.0), (36.0, 6.0, 60.0, 34.0), (4.0, 40.0, 20.0, 60.0)


@pytest.fixture(scope="module")
def detector():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    network = empty_network("mobilenet-0.25")
    return PretrainedDetector(network, "mobilenet-0.25", Normalisation((127.5,) * 3, (127.5,) * 3), AnchorSpec())


def points_in(box):
    x0, y0, x1, y1 = box
    shares = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)])
    return (shares * (x1 - x0, y1 - y0) + (x0, y0)).astype(np.float32)


def scene(*faces):
    """A picture of faces, each a box, whether it must be found, and whether it is the infant's."""
    boxes, certain, patients = zip(*faces, strict=True) if faces else ((), (), ())
    return Scene(
        np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([points_in(box) for box in boxes], np.float32).reshape(-1, 5, 2),
        np.array(certain, np.bool_),
        np.array(patients, np.bool_),
    )


@pytest.fixture
def finding_of(detector, monkeypatch):
    def finding(view, *answers):
        boxes = torch.tensor(answers).reshape(1, -1, 4)
        points = torch.from_numpy(np.array([points_in(box) for box in answers])).reshape(1, -1, 5, 2)
        monkeypatch.setattr(DetectorGraph, "forward", lambda *_: (boxes, torch.full((1, len(answers)), 0.95), points))
        return measure(detector, [view, view])

    return finding


def test_a_found_carer_is_no_found_infant(finding_of):
    both = scene((INFANT, True, True), (CARER, True, False))
    view = View(both, both, has_goggles=False)
    assert (finding_of(view, CARER).bare, finding_of(view, CARER).devices) == (0.0, 0.0)
    found = finding_of(view, INFANT, CARER)
    assert (found.bare, found.devices, found.beside) == (1.0, 1.0, 0.0)
    assert finding_of(view, INFANT, ELSEWHERE).beside == 1.0


def test_a_view_whose_only_certain_face_is_a_carers_is_not_counted(finding_of):
    covered = scene((INFANT, False, True), (CARER, True, False))
    finding = finding_of(View(covered, covered, has_goggles=False), CARER)
    assert np.isnan([finding.bare, finding.devices]).all()


def test_a_face_under_goggles_is_no_false_box_and_a_false_box_is_no_face_under_goggles(finding_of):
    view = View(scene((INFANT, True, True)), scene(), has_goggles=True)
    found, stray = finding_of(view, INFANT), finding_of(view, ELSEWHERE)
    assert (found.goggles, found.beside) == (1.0, 0.0)
    assert (stray.goggles, stray.beside) == (0.0, 1.0)
    assert np.isnan(finding_of(View(scene(), scene(), has_goggles=True), ELSEWHERE).goggles)


def test_drawn_views_say_which_face_is_the_infants():
    views = [view for number in range(12) for view in pictures.draw_views(0, number, 1, 256)]
    patients = [view.bare.is_patient.tolist() for view in views]
    assert [True, False] in patients
    assert all(flags.count(True) <= 1 for flags in patients)
    assert not any(view.covered.is_patient.any() for view in views if view.has_goggles)


@pytest.mark.long
def test_unseen_infants_are_others_than_those_learnt_from(detector, monkeypatch, tmp_path):
    shown = []
    draw = pictures.render_still
    monkeypatch.setattr(pictures, "render_still", lambda still: (shown.append(still.infant), draw(still))[1])
    settings = FitSettings(steps=2, infants_per_step=3, views_per_infant=1, size_px=SIZE_PX)
    fit_detector(detector, settings, tmp_path, start_sha256="a")
    learnt = {infant(number) for number in shown}
    shown.clear()
    unseen_views(settings.seed, 6, SIZE_PX)
    tested = {infant(number) for number in shown}
    assert len(learnt) == len(tested) == 6
    assert {person.skull_half_width for person in learnt}.isdisjoint(person.skull_half_width for person in tested)
    fields = FitSettings.model_json_schema()["properties"]
    reach = fields["steps"]["maximum"] * fields["infants_per_step"]["maximum"]
    assert min(shown) > max(person.seed for person in learnt) + reach
