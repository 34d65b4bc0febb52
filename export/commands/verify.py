"""`nicu-export verify`: proof that every file and engine of a bundle is the same model."""

from pathlib import Path

import click
from rich.console import Console

from export.verification.report import Report, bundle_files, report_lines
from export.verification.verify import engines_present, verify_bundle, write_report
from monitor.cli_framework import EXIT_NO, OutputFile, examples, refuse_overwriting
from monitor.errors import EngineError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.engine_factory import ENGINES, missing_reason
from monitor.inference.manifest import EngineName

__all__ = ["chosen_engines", "command", "verify_and_print"]


@click.command(
    "verify",
    epilog=examples(
        "nicu-export verify monitor/bundles/ncnn-demo --engine onnxruntime --report verified.json",
        "nicu-export verify retinaface --json",
    ),
)
@click.argument("bundle")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(["all", *ENGINES]),
    help="Which engine to verify; may be repeated. Default: all that are present.",
)
@click.option(
    "--report",
    type=OutputFile(),
    help="Write the numbers to this JSON file and leave the bundle as it is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@click.pass_context
def command(
    context: click.Context, bundle: str, engines: tuple[str, ...], report: Path | None, *, as_json: bool
) -> None:
    """Compare every model of BUNDLE, on every engine, with the trained network, and write the outcome into it.

    A model that fails cannot be selected by the monitor. Exit code 1 when anything fails.
    """
    read = read_bundle(bundle)
    refuse_overwriting({"--report": report}, bundle_files(read))
    found = verify_and_print(read, chosen_engines(engines), write=report is None, as_json=as_json)
    if report is not None:
        report.write_text(found.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
    if not found.passed:
        context.exit(EXIT_NO)


def verify_and_print(bundle: Bundle, engines: list[EngineName], *, write: bool, as_json: bool = False) -> Report:
    """Verify a bundle, print the table or JSON and, if asked for, write the outcome into the bundle."""
    with Console(stderr=True).status("verifying") as status:
        found = verify_bundle(bundle, engines, progress=status.update)
    if as_json:
        click.echo(found.model_dump_json(by_alias=True, indent=2))
    else:
        click.echo("\n".join(report_lines(found)))
    if write:
        write_report(bundle, found)
    return found


def chosen_engines(engines: tuple[str, ...]) -> list[EngineName]:
    """Return the engines that an option names: all that are present for `all` or nothing.

    Raises:
        EngineError: One that is named cannot run here.
    """
    if not engines or "all" in engines:
        return engines_present()
    chosen = [name for name in ENGINES if name in engines]
    for name in chosen:
        reason = missing_reason(name)
        if reason is not None:
            raise EngineError(f"{name} cannot run here: {reason}")
    return chosen
