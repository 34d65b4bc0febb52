"""What the commands that build bundles share."""

import click

from export.precisions import DEFAULT_PRECISIONS
from monitor.inference.bundle import Bundle

__all__ = ["finish", "precision_option"]

precision_option = click.option(
    "--precision",
    "precisions",
    multiple=True,
    default=DEFAULT_PRECISIONS,
    show_default=True,
    type=click.Choice(["fp32", "fp16", "int8"]),
    help="Which variants to make; may be repeated. fp32 is always made.",
)


def finish(bundle: Bundle) -> None:
    """Verify a new bundle with ONNX Runtime, write the outcome into it, and say what was made."""
    from export.commands.verify import verify_and_print

    report = verify_and_print(bundle, ["onnxruntime"], write=True)
    failed = [row.file for row in report.rows if row.outcome == "failed"]
    unusable = f"; {', '.join(failed)} cannot be selected" if failed else ""
    click.echo(f"{bundle.path}: {bundle.manifest.architecture}, {len(bundle.manifest.variants)} models{unusable}")
