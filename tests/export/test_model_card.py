"""The model card: its sections, what the training run recorded, and that nothing in it breaks out."""

import re

import pytest

from export.bundle_writer import write_bundle
from export.classifier.bundle import write_classifier_bundle
from export.model_card import CARD_NAME, FACTS_NAME, model_card
from monitor.errors import BundleError
from trainer.card import CardFacts
from trainer.checkpoint import read_model, write_model

SECTIONS = ["Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data"]
SECTIONS += ["Quantitative analyses", "Ethical considerations", "Caveats and recommendations"]


def headings(text):
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def test_a_card_has_the_published_sections_in_their_order(classifier_bundle):
    text = classifier_bundle.read(CARD_NAME).decode()

    assert headings(text)[: len(SECTIONS)] == SECTIONS
    assert "Out of scope: clinical decisions" in text


def test_what_the_training_run_recorded_is_in_the_card_and_stays_when_it_is_rewritten(trained_model_file, tmp_path):
    model = read_model(trained_model_file)
    facts = CardFacts(
        training_data=("127 pictures of 26 infants.",),
        explanation=("Grad-CAM for pain, on 5 training pictures called pain: 5 maps were empty.",),
        caveats=("Names such as <script> | do nothing.",),
    )
    write_model(tmp_path / "model.pt", model.record.model_copy(update={"card": facts}), model.network)

    bundle = write_classifier_bundle(read_model(tmp_path / "model.pt"), tmp_path / "bundle", precisions=["fp32"])
    again = write_bundle(
        tmp_path / "bundle", bundle.manifest, {name: bundle.read(name) for name in bundle.manifest.files}
    )

    text = again.read(CARD_NAME).decode()
    assert CardFacts.model_validate_json(again.read(FACTS_NAME)) == facts
    assert text == bundle.read(CARD_NAME).decode()
    assert "- 127 pictures of 26 infants." in text
    assert "5 maps were empty" in text.partition("## Explanation")[2]
    assert "<script>" not in text
    assert "&lt;script> \\| do nothing" in text


def test_what_another_version_recorded_is_refused_in_one_sentence(classifier_bundle):
    for facts in (b'{"training_data": [], "biases": ["many"]}', b"no JSON"):
        with pytest.raises(BundleError, match=r"^card\.json of the bundle is none that this version knows \([^\n]+\)"):
            model_card(classifier_bundle.manifest, {FACTS_NAME: facts})


def test_metrics_by_group_stand_apart(classifier_bundle):
    metric = classifier_bundle.manifest.metrics[0]
    metrics = (metric, metric.model_copy(update={"name": "false positive rate, cry", "value": 0.25}))

    trained = classifier_bundle.manifest.model_copy(update={"metrics": metrics, "generation": "trained"})
    text = model_card(trained, _contents(classifier_bundle))
    without = model_card(trained.model_copy(update={"metrics": (metric,)}), _contents(classifier_bundle))

    overall, _, groups = text.partition("### By group")
    assert "| false positive rate, cry | 0.250 |" in groups
    assert "false positive rate, cry" not in overall
    assert "Fairness between groups was not measured" not in text
    assert "of all other groups nothing is known" in text
    assert "Fairness between groups was not measured" in without


def _contents(bundle):
    return {name: bundle.read(name) for name in bundle.manifest.files}
