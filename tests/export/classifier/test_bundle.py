"""A trained model and its bundle are the same model."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from export.classifier.bundle import write_classifier_bundle
from export.classifier.graph import ClassifierGraph
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.classifier import Classifier
from monitor.inference.engine_factory import missing_reason, open_engine, open_variant
from trainer.checkpoint import ModelRecord, Provenance, read_model, write_model
from trainer.networks import Ensemble, InputContract, PainNetwork, architectures, prepare_crops


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (7, 120, 120, 3), dtype=np.uint8)


def test_scores_are_those_of_the_trained_model(
    trained_model_file: Path, classifier_bundle: Bundle, crops: np.ndarray
) -> None:
    model = read_model(trained_model_file)
    with torch.inference_mode():
        logits = model.network(prepare_crops(torch.from_numpy(crops), model.record.contract)).numpy()
    engine = open_engine(classifier_bundle, choice="onnxruntime")
    np.testing.assert_allclose(engine.run({"crops": crops})["logit"], logits / 1.7, atol=1e-5)
    scores = Classifier(classifier_bundle, engine).scores(crops)
    np.testing.assert_allclose(np.array(scores, float), 1 / (1 + np.exp(-logits / 1.7)), atol=1e-6)


def test_carries_what_the_trained_model_recorded(classifier_bundle: Bundle) -> None:
    manifest, contract = classifier_bundle.manifest, classifier_bundle.classifier
    assert (manifest.name, manifest.architecture, manifest.generation) == ("untrained-ncnn", "ncnn", "demo")
    assert (contract.temperature, contract.training_prior, contract.decision_threshold) == (1.7, 0.4, 0.55)
    assert contract.crop.margin == 0.15
    assert contract.classes == ("no_pain", "pain")
    assert manifest.metrics[0].low == 0.4
    assert manifest.provenance.data_manifest_sha256 == "ab" * 32
    card = (classifier_bundle.path / "MODEL_CARD.md").read_text()
    assert "Not a medical device" in card
    assert "No alert does not mean no pain" in card
    assert "Demonstration only" in card
    assert "0.400 to 0.600 (95%)" in card


def test_the_same_model_gives_the_same_file(trained_model_file: Path, tmp_path: Path) -> None:
    made = [write_classifier_bundle(read_model(trained_model_file), tmp_path / name, name="one") for name in "ab"]
    for file in ("model.onnx", "model.fp16.onnx", "golden.npz"):
        assert made[0].read(file) == made[1].read(file), file


def test_no_path_of_this_machine_is_in_the_bundle(classifier_bundle: Bundle) -> None:
    here = str(Path(__file__).parents[3]).encode()
    for file in classifier_bundle.path.iterdir():
        assert here not in file.read_bytes(), file.name


class _FirstChannel(PainNetwork):
    """Answers with the mean of the first channel that it is given."""

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return crops[:, 0].mean(dim=(1, 2))

    def cell_grid(self) -> None:  # type: ignore[override]
        raise NotImplementedError


@pytest.mark.parametrize("colour_order", ["RGB", "BGR"])
def test_pixels_are_scaled_as_the_trainer_scales_them(colour_order: str, crops: np.ndarray) -> None:
    contract = InputContract.model_validate(
        {
            "size_px": 120,
            "colour_order": colour_order,
            "value_maximum": 1.0,
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
        }
    )
    network = _FirstChannel()
    expected = network(prepare_crops(torch.from_numpy(crops), contract))
    _, logit = ClassifierGraph(network, contract, 1.0)(torch.from_numpy(crops))
    np.testing.assert_allclose(logit.numpy(), expected.numpy(), atol=1e-5)


def test_the_manifest_fits_the_published_schema(classifier_bundle: Bundle) -> None:
    import jsonschema

    schema = Path(__file__).parents[3] / "configs" / "schemas" / "bundle.schema.json"
    content = json.loads((classifier_bundle.path / "bundle.json").read_text())
    jsonschema.validate(content, json.loads(schema.read_text()))
    assert read_bundle(classifier_bundle.path).manifest.digest() == content["manifest_sha256"]


@pytest.mark.parametrize("leak", [0.0, 0.01])
def test_the_constant_answer_of_a_silent_ncnn_is_no_score(tmp_path: Path, leak: float, crops: np.ndarray) -> None:
    network = architectures()["ncnn"].create({"head_leak": leak})
    with torch.no_grad():
        network.head[1].bias.fill_(-1e3)  # the 8 units are far below zero, whatever the crop
        network.head[4].bias.fill_(2.0)
    record = ModelRecord(
        name="silent",
        architecture="ncnn",
        network_settings={"head_leak": leak},
        contract=InputContract(size_px=120),
        temperature=1.6,
        training_prior=0.5,
        generation="demo",
        intended_use="Tests.",
        provenance=Provenance(source="none", licence="none"),
    )
    write_model(tmp_path / "model.pt", record, network)
    bundle = write_classifier_bundle(
        read_model(tmp_path / "model.pt"), tmp_path / "bundle", precisions=["fp32", "fp16"]
    )

    expected = None if leak else pytest.approx(2.0 / 1.6)
    assert bundle.classifier.constant_logit == expected
    for precision in ("fp32", "fp16"):
        engine = open_engine(bundle, choice="onnxruntime", precision=precision)
        scores = Classifier(bundle, engine).scores(crops)
        assert all((score is None) == (leak == 0.0) for score in scores)


def _silent(bias: float) -> PainNetwork:
    network = architectures()["ncnn"].create({}).eval()
    with torch.no_grad():
        network.head[1].weight.mul_(0.01)
        network.head[1].bias.fill_(-100.0)
        network.head[4].bias.fill_(bias)
    return network


def _bundle_of(network: PainNetwork, settings: dict[str, object], temperature: float, folder: Path) -> Bundle:
    record = ModelRecord(
        name="silent",
        architecture="ensemble" if settings else "ncnn",
        network_settings=settings,
        contract=architectures()["ncnn"].contract,
        temperature=temperature,
        training_prior=0.5,
        generation="demo",
        intended_use="Tests.",
        provenance=Provenance(source="none", licence="none"),
    )
    write_model(folder / "model.pt", record, network)
    return write_classifier_bundle(read_model(folder / "model.pt"), folder / "bundle", precisions=["fp32", "fp16"])


@pytest.mark.parametrize("temperature", [0.6, 1.3])
@pytest.mark.parametrize("biases", [(-2.51,), (0.3,), (3.17,), (-2.0, -1.5), (0.2, 4.4, -0.7)])
def test_no_engine_makes_a_score_of_silent_networks(
    tmp_path: Path, biases: tuple[float, ...], temperature: float, crops: np.ndarray
) -> None:
    """Fewer bits round the constant further from its exact value; members that are all silent have a constant, too."""
    temperatures = tuple(0.7 + 0.5 * number for number in range(len(biases)))
    settings = {"member": "ncnn", "count": len(biases), "temperatures": temperatures} if len(biases) > 1 else {}
    networks = [_silent(bias) for bias in biases]
    network = Ensemble(networks, temperatures) if settings else networks[0]
    bundle = _bundle_of(network, settings, temperature, tmp_path)
    assert bundle.classifier.constant_logit is not None
    engines = [name for name in ("onnxruntime", "openvino", "openvino-bf16") if missing_reason(name) is None]
    for variant in bundle.manifest.variants:
        for name in engines:
            engine = open_variant(bundle, variant, name)
            assert Classifier(bundle, engine).scores(crops) == [None] * len(crops), (variant.file, name)
            engine.close()


def test_an_ensemble_with_one_member_that_always_speaks_has_no_constant() -> None:
    leaking = architectures()["ncnn"].create({"head_leak": 0.01})
    assert Ensemble([_silent(1.0), leaking]).constant_logit() is None
    assert Ensemble([_silent(1.0), _silent(1.0)], (2.0, 2.0)).constant_logit() == pytest.approx(0.5)


def test_a_bundle_of_pain_without_a_constant_is_recorded_as_before(classifier_bundle: Bundle) -> None:
    contract = classifier_bundle.classifier.model_copy(update={"constant_logit": None})
    assert {"positive", "constant_logit"}.isdisjoint(contract.model_dump())
    assert contract.model_copy(update={"positive": "smile"}).model_dump()["positive"] == "smile"
