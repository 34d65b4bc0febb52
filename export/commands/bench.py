"""`nicu-export bench`: latency and throughput of a bundle's models, engine by engine."""

from pathlib import Path

import click
from rich.console import Console

from export.benchmark import Benchmark, Timing, run_benchmark
from export.commands.verify import chosen_engines
from export.verification.report import bundle_files
from monitor.cli_framework import OutputFile, examples, refuse_overwriting
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import ENGINES

__all__ = ["command"]


@click.command(
    "bench",
    epilog=examples(
        "nicu-export bench monitor/bundles/ncnn-demo --engine onnxruntime --batch 1 --threads 1 --rounds 3",
        "nicu-export bench retinaface --engine all --json",
    ),
)
@click.argument("bundle")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(["all", *ENGINES]),
    help="Which engine to time; may be repeated. Default: all that are present. onnxruntime is always timed.",
)
@click.option("--batch", "batches", default="1,4", show_default=True, metavar="N,N,...", help="Pictures a run.")
@click.option("--threads", default="1,2", show_default=True, metavar="N,N,...", help="Threads within one operator.")
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(min=1), help="Timings of every setting.")
@click.option("--report", type=OutputFile(), help="Write the numbers to this JSON file.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def command(
    bundle: str,
    engines: tuple[str, ...],
    batches: str,
    threads: str,
    rounds: int,
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    """Time every model of BUNDLE with every engine, batch and thread count, as ratios to ONNX Runtime fp32."""
    read = read_bundle(bundle)
    refuse_overwriting({"--report": report}, bundle_files(read))
    with Console(stderr=True).status("timing") as status:
        found = run_benchmark(
            read,
            chosen_engines(engines),
            batches=_numbers(batches, "--batch"),
            threads=_numbers(threads, "--threads"),
            rounds=rounds,
            progress=status.update,
        )
    click.echo(found.model_dump_json(indent=2) if as_json else "\n".join(_lines(found)))
    if report is not None:
        report.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _numbers(text: str, option: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a list of whole numbers like 1,4", param_hint=option) from error
    if min(numbers) < 1:
        raise click.BadParameter("every number must be 1 or more", param_hint=option)
    return numbers


def _lines(found: Benchmark) -> list[str]:
    machine = found.machine
    host = f"{machine.processor}, {machine.cores} cores, load {machine.load:.1f}, {machine.gpu or 'no GPU'}"
    headings = f"{'threads':>8}{'batch':>6}{'median ms':>11}{'p95 ms':>9}{'per s':>9}{'ratio':>7}"
    return [
        f"{found.bundle} on {host}, {machine.system}, Python {machine.python}; {found.rounds} rounds",
        "ratio: time a picture over that of onnxruntime fp32 with 1 thread and batch 1; below 1 is faster",
        f"{'model':<20}  {'engine':<12}{headings}",
        *(_line(timing) for timing in found.timings),
    ]


def _line(timing: Timing) -> str:
    start = f"{timing.file:<20}  {timing.engine:<12}{timing.threads:>8}{timing.batch:>6}"
    if timing.median_milliseconds is None or timing.p95_milliseconds is None or timing.pictures_per_second is None:
        return f"{start}  {timing.error}"
    ratio = "" if timing.time_ratio is None else f"{timing.time_ratio:.2f}"
    return (
        f"{start}{timing.median_milliseconds:>11.2f}{timing.p95_milliseconds:>9.2f}"
        f"{timing.pictures_per_second:>9.1f}{ratio:>7}"
    )
