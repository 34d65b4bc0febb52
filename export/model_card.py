"""Writes MODEL_CARD.md: what a person should know before trusting a bundle."""

from collections.abc import Mapping

from pydantic import ValidationError

from monitor.errors import BundleError
from monitor.inference.manifest import BundleManifest, Metric
from trainer.card import CardFacts

__all__ = ["BANNER", "CARD_NAME", "FACTS_NAME", "model_card"]

CARD_NAME = "MODEL_CARD.md"
FACTS_NAME = "card.json"
"""What the training run recorded for the card; a bundle keeps it, so that the card can be rewritten."""
BANNER = (
    "Research software. Not a medical device; not cleared, certified or validated for clinical use. It must not be "
    "used to start, withhold or change analgesia, or as an alarm that staff rely on. No alert does not mean no pain."
)
_DEMO = (
    "**Demonstration only.** Trained on procedurally generated faces. Its metrics show that the software works and say "
    "nothing about accuracy on infants."
)


def model_card(manifest: BundleManifest, contents: Mapping[str, bytes]) -> str:
    """Return the card's Markdown, with the sections of Mitchell et al., "Model Cards for Model Reporting", 2019.

    Args:
        manifest: What the bundle says of itself.
        contents: The bundle's files, for their sizes and for what the training run knows (`FACTS_NAME`).

    Raises:
        BundleError: What the training run knows is of another form.
    """
    facts = _facts(contents)
    sections = [
        f"# {manifest.name}",
        f"> {BANNER}",
        *([_DEMO] if manifest.generation == "demo" else []),
        "## Model details\n\n" + _details(manifest),
        "## Intended use\n\n" + _intended_use(manifest),
        "## Factors\n\n" + _factors(manifest),
        "## Metrics\n\n" + _metric_words(manifest),
        "## Evaluation data\n\n" + _sentences(facts.evaluation_data, _evaluation_data(manifest)),
        "## Training data\n\n" + _sentences(facts.training_data, f"{manifest.provenance.source}."),
        "## Quantitative analyses\n\n" + _analyses(manifest),
        "## Ethical considerations\n\n" + _ethics(manifest),
        "## Caveats and recommendations\n\n" + _caveats(manifest, facts),
        "## Explanation\n\n" + _sentences(facts.explanation, "Nothing was noted about where this model looks."),
        "## Input\n\n" + _input(manifest),
        "## Output\n\n" + _output(manifest),
        "## Origin\n\n" + _origin(manifest),
        "## Files\n\n" + _files(manifest, contents),
    ]
    return "\n\n".join(sections) + "\n"


def _facts(contents: Mapping[str, bytes]) -> CardFacts:
    try:
        return CardFacts.model_validate_json(contents[FACTS_NAME]) if FACTS_NAME in contents else CardFacts()
    except ValidationError as error:
        raise BundleError(
            f"{FACTS_NAME} of the bundle is none that this version knows ({error.errors()[0]['msg']}); use the version "
            f"that made the bundle, or export it again"
        ) from error


def _sentences(known: tuple[str, ...], otherwise: str) -> str:
    return "\n".join(f"- {_plain(sentence)}" for sentence in known) if known else _plain(otherwise)


def _plain(text: str) -> str:
    """Return a text that cannot become HTML or end a table's cell."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _details(manifest: BundleManifest) -> str:
    return _table(
        ("kind", manifest.kind),
        ("architecture", manifest.architecture),
        ("generation", manifest.generation),
        ("licence", manifest.provenance.licence),
    )


def _intended_use(manifest: BundleManifest) -> str:
    if manifest.kind != "classifier":
        return _plain(manifest.intended_use)
    return (
        f"{_plain(manifest.intended_use)}\n\n"
        "Users: researchers and engineers who run this project's monitor or trainer.\n\n"
        "Out of scope: clinical decisions; alarms that staff rely on; children and adults; infants whose face is "
        "covered, sedated or paralysed; crops that another program cut."
    )


def _factors(manifest: BundleManifest) -> str:
    if manifest.kind != "classifier":
        return "Size and turn of the face, light, occlusion, age: see the metrics, where some were measured."
    return (
        "Relevant: gestational age, skin tone, sex, illness, tape and tubes on the face, light, camera, stimulus. "
        "Metrics exist for those that the tables below name; for the others there is none."
    )


def _metric_words(manifest: BundleManifest) -> str:
    if not manifest.metrics:
        return "None were measured for this bundle."
    return (
        "Decisions are taken at the threshold under Output. Intervals, where given, are over infants, not pictures: "
        "pictures of one infant are alike."
    )


def _evaluation_data(manifest: BundleManifest) -> str:
    named = sorted({metric.data for metric in manifest.metrics})
    return "; ".join(named) + "." if named else "None."


def _analyses(manifest: BundleManifest) -> str:
    groups = tuple(metric for metric in manifest.metrics if _is_of_group(metric))
    overall = tuple(metric for metric in manifest.metrics if metric not in groups)
    if not groups:
        return _metric_table(overall)
    return f"### All\n\n{_metric_table(overall)}\n\n### By group\n\n{_metric_table(groups)}"


def _is_of_group(metric: Metric) -> bool:
    """Whether a metric is one of a group, such as a stimulus, whose name then follows the metric's."""
    return ", " in metric.name


def _ethics(manifest: BundleManifest) -> str:
    if manifest.generation == "demo":
        return "No picture of an infant was used."
    return (
        "Faces of newborns are health data of people who cannot consent; guardians must, and the pictures stay where "
        "they are. A missed pain is the worst error: a score below the threshold is no proof of comfort. A false alarm "
        "can lead to needless analgesia. "
        + (
            "What was measured of groups stands under Quantitative analyses; of all other groups nothing is known."
            if any(_is_of_group(metric) for metric in manifest.metrics)
            else "Fairness between groups was not measured."
        )
    )


def _caveats(manifest: BundleManifest, facts: CardFacts) -> str:
    general = ["'No pain' from this model must never be read as 'no pain'; 'cannot see' is an answer of its own."]
    if manifest.kind == "detector":
        general = ["A confident box can have wrong landmarks when the face lies sideways; the monitor searches for it."]
    if manifest.kind == "mesh":
        general = ["Trained on adults: points of a newborn's closed eyes, and beneath tape or prongs, are guesses."]
    return _sentences((*facts.caveats, *general), "")


def _table(*rows: tuple[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_plain(value)} |" for name, value in rows)])


def _input(manifest: BundleManifest) -> str:
    given = manifest.input
    sizes = sorted({variant.size_px for variant in manifest.variants})
    text = (
        f"`{given.tensor}`: {given.dtype} {given.layout}, {given.colour_order}, values {given.value_range[0]} to "
        f"{given.value_range[1]}, side {' or '.join(str(size) for size in sizes)} px, any batch. Inside the graph: "
        f"(pixel - {list(given.mean)}) / {list(given.std)} per RGB channel"
    )
    text += ", then the channels swapped to BGR." if given.network_colour_order == "BGR" else "."
    if manifest.classifier is not None:
        crop = manifest.classifier.crop
        text += (
            f" The crop is cut by `monitor.faces.crop` with margin {crop.margin:g}, alignment {crop.alignment}, "
            f"border {crop.border}, resize {crop.resize}."
        )
    return text


def _output(manifest: BundleManifest) -> str:
    if manifest.detector is not None:
        detector = manifest.detector
        return (
            f"`boxes` (N, {detector.top_k}, 4) as x0, y0, x1, y1; `scores` (N, {detector.top_k}); `landmarks` "
            f"(N, {detector.top_k}, 5, 2): {', '.join(detector.landmarks)}. Pixels of the input, best score first. "
            f"The caller does non-maximum suppression (IoU {detector.suggested_nms_iou:g}) and keeps scores of "
            f"{detector.suggested_minimum_score:g} or more. Anchors {_anchors(detector.anchor_sizes_px)} px at strides "
            f"{list(detector.strides_px)} px."
        )
    if manifest.mesh is not None:
        mesh = manifest.mesh
        return (
            f"`points` (N, {mesh.points}, 3): x, y and depth in pixels of the crop; `presence` (N,): probability that "
            f"the crop shows a face, wanted {mesh.suggested_minimum_presence:g} or more. The crop is a square of "
            f"{mesh.crop_scale:g} longer sides of the detection's box, turned upright."
        )
    if manifest.classifier is None:
        raise ValueError("a bundle is a detector, a mesh or a classifier")
    classifier = manifest.classifier
    return (
        f"`score` (N,): {classifier.output_meaning}; `logit` (N,): its log-odds. Classes: "
        f"{' = 0, '.join(classifier.classes)} = 1. Temperature {classifier.temperature:g}, share of pain in training "
        f"{classifier.training_prior:g}, threshold for still pictures {classifier.decision_threshold:g}."
    )


def _anchors(sizes: tuple[tuple[float, ...], ...]) -> str:
    return ", ".join("[" + ", ".join(f"{size:g}" for size in level) + "]" for level in sizes)


def _metric_table(metrics: tuple[Metric, ...]) -> str:
    if not metrics:
        return "None were measured for this bundle."
    rows = ["| metric | value | interval | subjects | samples | data |", "|---|---|---|---|---|---|"]
    for metric in metrics:
        interval = ""
        if metric.low is not None and metric.high is not None:
            interval = f"{metric.low:.3f} to {metric.high:.3f}"
            interval += f" ({metric.confidence:.0%})" if metric.confidence is not None else ""
        rows.append(
            f"| {_plain(metric.name)} | {metric.value:.3f} | {interval} | {_or_dash(metric.subjects)} | "
            f"{_or_dash(metric.samples)} | {_plain(metric.data)} |"
        )
    return "\n".join(rows)


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _origin(manifest: BundleManifest) -> str:
    origin = manifest.provenance
    rows = [("source", origin.source)]
    for name, value in (
        ("source SHA-256", origin.source_sha256),
        ("git commit", origin.git_commit),
        ("data manifest SHA-256", origin.data_manifest_sha256),
        ("fold map SHA-256", origin.fold_map_sha256),
    ):
        if value is not None:
            rows.append((name, f"`{value}`"))
    rows.append(("made with", ", ".join(f"{name} {version}" for name, version in origin.versions.items())))
    return _table(*rows)


def _files(manifest: BundleManifest, contents: Mapping[str, bytes]) -> str:
    rows = ["| file | precision | side | kB |", "|---|---|---|---|"]
    rows += [
        f"| {variant.file} | {variant.precision} | {variant.size_px} px | {len(contents[variant.file]) / 1000:.0f} |"
        for variant in manifest.variants
    ]
    rows.append("")
    rows.append("SHA-256 of every file and the state of verification: bundle.json, or `nicu-export show`.")
    return "\n".join(rows)
