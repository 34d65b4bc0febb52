"""`nicu-export show`: what a bundle is, for a person or for a program."""

import click

from export.verification.report import read_report
from monitor.cli_framework import examples
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.manifest import BundleManifest, Variant

__all__ = ["command"]


@click.command(
    "show", epilog=examples("nicu-export show retinaface", "nicu-export show monitor/bundles/ncnn-demo --json")
)
@click.argument("bundle")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(bundle: str, *, as_json: bool) -> None:
    """Check every file of BUNDLE (a directory, or the name of an installed one) and describe it."""
    read = read_bundle(bundle)
    if as_json:
        click.echo(read.manifest.to_json(), nl=False)
        return
    for name, value in _rows(read):
        click.echo(f"{name + ':' if name else '':<20} {value}")


def _rows(bundle: Bundle) -> list[tuple[str, str]]:
    manifest, origin = bundle.manifest, bundle.manifest.provenance
    rows = [
        ("bundle", f"{manifest.name} ({manifest.kind}, {manifest.generation})"),
        ("directory", str(bundle.path)),
        ("sha256", bundle.sha256),
        ("architecture", manifest.architecture),
        ("intended use", manifest.intended_use),
        ("input", _input(manifest)),
        ("output", _output(manifest)),
    ]
    report = read_report(bundle)
    failed = [] if report is None else [row for row in report.rows if row.outcome == "failed"]
    for variant in manifest.variants:
        kilobytes = manifest.files[variant.file].bytes / 1000
        text = f"{variant.precision}, {variant.size_px} px, {kilobytes:.0f} kB, {_verification(variant)}"
        rows.append((variant.file, text))
        rows += [("", f"{row.engine} failed: {'; '.join(row.reasons)}") for row in failed if row.file == variant.file]
    rows += [("metric", f"{metric.name} {metric.value:.3f} ({metric.data})") for metric in manifest.metrics]
    rows += [("source", origin.source), ("licence", origin.licence)]
    rows += [("made with", ", ".join(f"{name} {version}" for name, version in origin.versions.items()))]
    rows += [("files", f"{len(manifest.files)} files, all of them match their SHA-256")]
    return rows


def _verification(variant: Variant) -> str:
    outcomes = [f"{outcome} with {engine}" for engine, outcome in sorted(variant.verification.items())]
    return "verification " + (", ".join(outcomes) or "not run")


def _input(manifest: BundleManifest) -> str:
    given = manifest.input
    low, high = given.value_range
    return (
        f"{given.tensor}, {given.dtype} {given.layout} {given.colour_order} {low}..{high}; scaled in the graph: minus "
        f"{list(given.mean)}, by {list(given.std)}, {given.network_colour_order}"
    )


def _output(manifest: BundleManifest) -> str:
    if manifest.detector is not None:
        return f"{manifest.detector.top_k} boxes with scores and five points, best first, in pixels of the input"
    if manifest.mesh is not None:
        return f"{manifest.mesh.points} points (x, y, depth) in pixels of the crop, and the presence of a face"
    if manifest.classifier is None:
        return "none"
    contract = manifest.classifier
    return (
        f"{contract.output_meaning}; classes {' and '.join(contract.classes)}, temperature {contract.temperature:g}, "
        f"training prior {contract.training_prior:g}, threshold {contract.decision_threshold:g}, "
        f"crop margin {contract.crop.margin:g}"
    )
