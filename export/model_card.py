"""Writes MODEL_CARD.md: what a person should know before trusting a bundle."""

from collections.abc import Mapping

from monitor.inference.manifest import BundleManifest

__all__ = ["BANNER", "CARD_NAME", "model_card"]

CARD_NAME = "MODEL_CARD.md"
BANNER = (
    "Research software. Not a medical device; not cleared, certified or validated for clinical use. It must not be "
    "used to start, withhold or change analgesia, or as an alarm that staff rely on. No alert does not mean no pain."
)
_DEMO = (
    "**Demonstration only.** Trained on procedurally drawn faces. Its figures show that the software works and say "
    "nothing about accuracy on infants."
)


def model_card(manifest: BundleManifest, contents: Mapping[str, bytes]) -> str:
    """Return the card's Markdown.

    Args:
        manifest: What the bundle says of itself.
        contents: The bundle's files, for their sizes.
    """
    sections = [
        f"# {manifest.name}",
        f"> {BANNER}",
        *([_DEMO] if manifest.generation == "demo" else []),
        _table(
            ("kind", manifest.kind),
            ("architecture", manifest.architecture),
            ("generation", manifest.generation),
            ("intended use", manifest.intended_use),
        ),
        "## Input\n\n" + _input(manifest),
        "## Output\n\n" + _output(manifest),
        "## Figures\n\n" + _metrics(manifest),
        "## Origin\n\n" + _origin(manifest),
        "## Files\n\n" + _files(manifest, contents),
    ]
    return "\n\n".join(sections) + "\n"


def _table(*rows: tuple[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


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
    if manifest.classifier is None:
        raise ValueError("a bundle is a detector or a classifier")
    classifier = manifest.classifier
    return (
        f"`score` (N,): {classifier.output_meaning}; `logit` (N,): its log-odds. Classes: "
        f"{' = 0, '.join(classifier.classes)} = 1. Temperature {classifier.temperature:g}, share of pain in training "
        f"{classifier.training_prior:g}, threshold for still pictures {classifier.decision_threshold:g}."
    )


def _anchors(sizes: tuple[tuple[float, ...], ...]) -> str:
    return ", ".join("[" + ", ".join(f"{size:g}" for size in level) + "]" for level in sizes)


def _metrics(manifest: BundleManifest) -> str:
    if not manifest.metrics:
        return "None were measured for this bundle."
    rows = ["| figure | value | interval | subjects | samples | data |", "|---|---|---|---|---|---|"]
    for metric in manifest.metrics:
        interval = ""
        if metric.low is not None and metric.high is not None:
            interval = f"{metric.low:.3f} to {metric.high:.3f}"
            interval += f" ({metric.confidence:.0%})" if metric.confidence is not None else ""
        rows.append(
            f"| {metric.name} | {metric.value:.3f} | {interval} | {_or_dash(metric.subjects)} | "
            f"{_or_dash(metric.samples)} | {metric.data} |"
        )
    return "\n".join(rows)


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _origin(manifest: BundleManifest) -> str:
    origin = manifest.provenance
    rows = [("source", origin.source), ("licence", origin.licence)]
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
