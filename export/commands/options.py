"""What the commands that build bundles share."""

import os
import re
from pathlib import Path

import click
from click.core import ParameterSource

from export.precisions import DEFAULT_PRECISIONS
from monitor.cli_framework import EXIT_NO
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import BundleManifest

__all__ = ["finish", "has_failed", "precision_option", "refuse_target"]

precision_option = click.option(
    "--precision",
    "precisions",
    multiple=True,
    default=DEFAULT_PRECISIONS,
    show_default=True,
    type=click.Choice(["fp32", "fp16", "int8"]),
    help="Which variants to make; may be repeated. fp32 is always made.",
)


def refuse_target(target: Path, name: str, *, way_out: str = "") -> None:
    """Refuse what a new bundle could not be written to, or under, before half a minute is spent on making it.

    Args:
        target: Directory of the bundle.
        name: Its name.
        way_out: How another name is given.

    Raises:
        BundleError: No record takes the name, something that is no bundle is in the way, or nothing can be written.
    """
    from export.bundle_writer import refuse_other_than_bundle

    pattern: str = BundleManifest.model_json_schema()["properties"]["name"]["pattern"]
    if re.fullmatch(pattern, name) is None:
        raise BundleError(
            f"a bundle cannot be called {name!r}: at most 63 letters A to Z, digits, dots, hyphens and underscores, a "
            f"letter or digit first{way_out}"
        )
    refuse_other_than_bundle(target)
    place = target.resolve()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise BundleError(f"the bundle cannot be written to {target}: nothing can be written in {place}")


def has_failed(manifest: BundleManifest) -> bool:
    """Say whether a full-precision model of a bundle failed its verification, so that it has to be built again."""
    return any(
        variant.precision == "fp32" and variant.verification.get("onnxruntime") == "failed"
        for variant in manifest.variants
    )


def finish(bundle: Bundle) -> None:
    """Verify a new bundle with ONNX Runtime, write the outcome into it, and say what was made.

    The command ends with exit code 1 where a model failed that is needed: of full precision, or of a precision that the
    command line names. Those that are made unasked may fail; the monitor passes them over.
    """
    from export.commands.verify import verify_and_print

    report = verify_and_print(bundle, ["onnxruntime"], write=True)
    failed = [row for row in report.rows if row.outcome == "failed"]
    unusable = f"; {', '.join(row.file for row in failed)} cannot be selected" if failed else ""
    click.echo(f"{bundle.path}: {bundle.manifest.architecture}, {len(bundle.manifest.variants)} models{unusable}")
    context = click.get_current_context()
    is_asked_for = context.get_parameter_source("precisions") is ParameterSource.COMMANDLINE
    if any(row.precision == "fp32" or is_asked_for for row in failed):
        context.exit(EXIT_NO)
