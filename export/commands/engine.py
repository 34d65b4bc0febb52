"""`nicu-export engine`: TensorRT engines for the models of a bundle."""

from pathlib import Path

import click
from rich.console import Console

from export.engines.build import DEFAULT_PROFILE, Target, build_engine, parse_target
from monitor.cli_framework import examples
from monitor.errors import EngineError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.cuda import Gpu, probe_cuda
from monitor.inference.engine_factory import is_installed
from monitor.inference.manifest import EngineName, Precision, Variant

__all__ = ["command"]


@click.command(
    "engine",
    epilog=examples(
        "nicu-export engine retinaface --engine tensorrt",
        "nicu-export engine retinaface --engine tensorrt-rtx --target sm86,sm89",
    ),
)
@click.argument("bundle")
@click.option("--engine", "engine", required=True, type=click.Choice(["tensorrt", "tensorrt-rtx"]))
@click.option(
    "--target",
    "targets",
    metavar="sm86,sm89,...",
    help="Compute capabilities to build for. Default: the GPU of this machine. tensorrt-rtx builds for others too, and "
    "needs no GPU for it.",
)
@click.option(
    "--profile",
    metavar="MIN,OPT,MAX",
    default=",".join(str(batch) for batch in DEFAULT_PROFILE),
    show_default=True,
    help="Smallest, best and largest batch.",
)
@click.option(
    "--precision", type=click.Choice(["fp32", "fp16"]), default="fp16", show_default=True, help="Which model files."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Where to. Default: BUNDLE.engines beside it."
)
def command(
    bundle: str, engine: EngineName, targets: str | None, profile: str, precision: Precision, out: Path | None
) -> None:
    """Build engines from BUNDLE: plain TensorRT plans, each with a JSON file that says what it is for."""
    read = read_bundle(bundle)
    if not is_installed(engine):
        raise EngineError(f"{engine} is not installed; pip install 'nicu-pain-monitor[{engine}]'")
    batches = _profile(profile)
    for target in _targets(targets):
        for variant in _variants(read, precision):
            with Console(stderr=True).status(f"{variant.file} for {target}") as status:
                path = build_engine(
                    read, variant, engine, target, profile=batches, directory=out, progress=status.update
                )
            click.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB): {variant.file} for {target}, batch {profile}")


def _targets(text: str | None) -> list[Target]:
    if text is not None:
        return [_placed(parse_target(part)) for part in text.split(",")]
    probe = probe_cuda()
    if probe.gpu is None:
        raise EngineError(f"{probe.reason}; name the GPU to build for with --target, like --target sm86,sm89,sm120")
    return [_here(probe.gpu)]


def _placed(target: Target) -> Target:
    """Return the target with what is known of it where it is the GPU of this machine."""
    gpu = probe_cuda().gpu
    if gpu is None or gpu.compute_capability != (target.major, target.minor):
        return target
    return _here(gpu)


def _here(gpu: Gpu) -> Target:
    major, minor = gpu.compute_capability
    return Target(major, minor, is_here=True, gpu_name=gpu.name, driver_version=gpu.driver_version)


def _variants(bundle: Bundle, precision: Precision) -> list[Variant]:
    sizes = sorted({variant.size_px for variant in bundle.manifest.variants})
    return [bundle.variant(size_px=size, precision=precision) for size in sizes]


def _profile(text: str) -> tuple[int, int, int]:
    try:
        low, best, high = (int(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not three whole numbers like 1,4,16", param_hint="--profile") from error
    if not 1 <= low <= best <= high:
        raise click.BadParameter("the batches must grow: 1 <= MIN <= OPT <= MAX", param_hint="--profile")
    return low, best, high
