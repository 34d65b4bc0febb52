"""Runs every variant of a bundle on every engine that is present, and writes the outcome into the bundle."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.bundle_writer import update_bundle
from export.model_card import CARD_NAME
from export.verification.differences import Differences, classifier_differences, detector_differences, mesh_differences
from export.verification.golden import CLIP_ANSWER, GOLDEN_NAME, Golden, read_golden
from export.verification.limits import broken_limits, limits_of
from export.verification.report import REPORT_NAME, Report, Row, read_report
from export.verification.timeline import Timeline, alert_timeline, golden_clip, timelines_agree
from monitor.errors import BundleError, EngineError, EngineInputError
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Engine
from monitor.inference.engine_factory import (
    ENGINES,
    GPU_ENGINES,
    REDUCED_ENGINES,
    kernels_here,
    missing_reason,
    open_variant,
    plan_key_here,
)
from monitor.inference.manifest import BundleManifest, EngineName, Outcome, Variant
from monitor.inference.outcomes import Kernels
from monitor.inference.padded_engine import BATCH_SIZES, BatchSizes
from monitor.inference.plans import note_parity, plan_directory

__all__ = ["engines_present", "verify_bundle", "write_report"]

_CPU_BATCH = 8
"""Of the comparison in batches on a CPU: a large model should not need much memory."""


def engines_present() -> list[EngineName]:
    """Return the engines that can run on this machine."""
    return [name for name in ENGINES if missing_reason(name) is None]


def verify_bundle(
    bundle: Bundle, engines: Sequence[EngineName], *, progress: Callable[[str], None] = lambda _: None
) -> Report:
    """Compare every variant of a bundle, run by every engine, with the trained network's answers.

    Args:
        bundle: With golden pictures.
        engines: Which ones; each must be present.
        progress: Called with one line before each comparison.

    Raises:
        BundleError: The bundle carries no golden pictures.
    """
    if GOLDEN_NAME not in bundle.manifest.files:
        raise BundleError(f"bundle {bundle.name} carries no {GOLDEN_NAME} to verify against; export it again")
    content = bundle.read(GOLDEN_NAME)
    rows = []
    for variant in bundle.manifest.variants:
        golden = read_golden(content, variant.size_px)
        for name in engines:
            if variant.precision == "int8" and name in GPU_ENGINES | REDUCED_ENGINES:
                continue  # these Q/DQ pairs are made for CPUs, and hold int8 whatever the hint
            progress(f"{variant.file} on {name}")
            rows.append(_row(bundle, variant, golden, name))
    return Report(rows=tuple(rows))


def write_report(bundle: Bundle, report: Report) -> Bundle:
    """Write the outcome into the bundle, so that nothing that failed can be selected; return the new bundle.

    What other verifications noted meanwhile stays. The side-cars of the plans that were run get their outcome too.

    Raises:
        BundleError: The bundle cannot be written to, or its models are no longer those that were verified.
        EngineError: A plan's side-car cannot be written to.
    """

    def noted(now: Bundle) -> tuple[BundleManifest, dict[str, bytes]]:
        if _models(now) != _models(bundle):
            raise BundleError(
                f"{bundle.path} was replaced by another bundle while it was verified; nothing is noted, verify it again"
            )
        older = read_report(now)
        complete = report.merged_with(older)
        # The record keeps what a report of another version said: a model that failed stays unselectable.
        variants = [
            variant.model_copy(
                update={
                    "verification": (variant.verification if older is None else {}) | _outcomes(complete, variant),
                }
            )
            for variant in now.manifest.variants
        ]
        contents = {name: now.read(name) for name in now.manifest.files}
        contents[REPORT_NAME] = (complete.model_dump_json(by_alias=True, indent=2) + "\n").encode()
        return now.manifest.model_copy(update={"variants": tuple(variants)}), contents

    written = update_bundle(bundle.path, noted)
    for row in report.rows:
        if row.plan is not None:
            note_parity(plan_directory(bundle) / row.plan, row.sentence)
    return written


def _models(bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of every file that a verification reads and does not write, by name."""
    return {name: known.sha256 for name, known in bundle.manifest.files.items() if name not in {REPORT_NAME, CARD_NAME}}


def _outcomes(report: Report, variant: Variant) -> dict[EngineName, Outcome]:
    return {row.engine: row.outcome for row in report.rows if row.file == variant.file}


def _row(bundle: Bundle, variant: Variant, golden: Golden, name: EngineName) -> Row:
    reasons: tuple[str, ...]
    figures: Differences | None = None
    plan: str | None = None
    kernels = Kernels("unknown", None)
    try:
        kernels = kernels_here(name)
        if name.startswith("tensorrt"):
            plan = plan_key_here(bundle, variant, name).file_name
        engine = open_variant(bundle, variant, name)
        try:
            figures = _differences(bundle, golden, engine, limits_of(variant.precision, name).band)
        finally:
            engine.close()
        reasons = broken_limits(figures, limits_of(variant.precision, name))
    except EngineError as error:
        reasons = (str(error),)
    return Row(
        file=variant.file,
        file_sha256=bundle.manifest.files[variant.file].sha256,
        precision=variant.precision,
        size_px=variant.size_px,
        engine=name,
        engine_version=kernels.engine_version,
        processor_units=kernels.processor_units,
        plan=plan,
        outcome="failed" if reasons else "passed",
        reasons=reasons,
        figures=figures,
    )


def _differences(bundle: Bundle, golden: Golden, engine: Engine, band: float) -> Differences:
    """Compare the answers to the golden pictures in every size of batch in which a station may ask for them.

    Kernels are chosen by the shape of what they compute, so that a picture alone may be answered otherwise than in a
    batch. The figures are those of all answers together.
    """
    sizes = _batch_sizes(engine)
    runs = _run_in(engine, golden.pictures, sizes)
    for run in runs:
        if names := set(run) ^ (set(golden.answers) - {CLIP_ANSWER}):
            raise EngineError(
                f"the file and {GOLDEN_NAME} have other outputs ({', '.join(sorted(names))}); export it again"
            )
        for name, values in run.items():
            if values.shape != golden.answers[name].shape:
                raise EngineError(
                    f"{name} has the shape {values.shape} and in {GOLDEN_NAME} {golden.answers[name].shape}; export it "
                    f"again"
                )
    answers = _joined(runs)
    wanted = {name: np.concatenate([golden.answers[name]] * len(runs)) for name in answers}
    if bundle.manifest.kind == "detector":
        threshold = bundle.detector.suggested_minimum_score
        return detector_differences(
            wanted,
            answers,
            threshold=threshold,
            band=band,
            suppression=bundle.detector.suggested_nms_iou,
        )
    if bundle.manifest.kind == "mesh":
        threshold = bundle.mesh.suggested_minimum_presence
        return mesh_differences(wanted, answers, threshold=threshold, band=band)
    # The clip is long: in the sizes that its engine mostly runs, which is one picture on a CPU.
    clips = _run_in(engine, golden_clip(*golden.uncovered), sizes if engine.name in GPU_ENGINES else sizes[:1])
    reference_clip = golden.answers[CLIP_ANSWER]
    figures = classifier_differences(
        {**wanted, "score": np.concatenate([wanted["score"], *[reference_clip] * len(clips)])},
        {**answers, "score": np.concatenate([answers["score"], *(clip["score"] for clip in clips)])},
        threshold=bundle.classifier.decision_threshold,
        band=band,
        constant=bundle.classifier.constant_logit,
        engine=engine.name,
    )
    reference, timelines = alert_timeline(reference_clip), [alert_timeline(clip["score"]) for clip in clips]
    return figures.model_copy(
        update={
            "level_maximum": max(_level_difference(reference, timeline) for timeline in timelines),
            "timeline_equal": all(
                timelines_agree(reference, timeline)
                and bool((np.isfinite(reference.levels) == np.isfinite(timeline.levels)).all())
                for timeline in timelines
            ),
        }
    )


def _level_difference(reference: Timeline, timeline: Timeline) -> float:
    known = np.isfinite(reference.levels) & np.isfinite(timeline.levels)
    return float(np.abs(reference.levels - timeline.levels)[known].max(initial=0.0))


def _batch_sizes(engine: Engine) -> tuple[int, ...]:
    """Return the batches in which an engine is compared, the smallest first: those that a station runs."""
    if engine.name in GPU_ENGINES:
        return BatchSizes(getattr(engine, "largest_batch", BATCH_SIZES[-1])).sizes
    return (1, _CPU_BATCH)


def _run_in(engine: Engine, pictures: NDArray[np.uint8], sizes: Sequence[int]) -> list[dict[str, NDArray[Any]]]:
    """Return the answers to all pictures in each size of batch that the engine takes.

    A plan is built for some sizes and refuses others; that says nothing about the model in it.

    Raises:
        EngineError: It takes none of them, or fails.
    """
    runs: list[dict[str, NDArray[Any]]] = []
    refusal: EngineInputError | None = None
    for size in sizes:
        try:
            runs.append(_run(engine, pictures, size))
        except EngineInputError as error:
            if not engine.name.startswith("tensorrt"):
                raise
            refusal = error
    if refusal is not None and not runs:
        raise refusal
    return runs


def _run(engine: Engine, pictures: NDArray[np.uint8], size: int) -> dict[str, NDArray[Any]]:
    """Run pictures in batches of one size, the last of them filled up with zeros on a GPU, as a station does."""
    name = engine.inputs[0].name
    missing = -len(pictures) % size if engine.name in GPU_ENGINES else 0
    filled = np.concatenate([pictures, np.zeros((missing, *pictures.shape[1:]), pictures.dtype)])
    answers = _joined([engine.run({name: filled[start : start + size]}) for start in range(0, len(filled), size)])
    return {output: rows[: len(pictures)] for output, rows in answers.items()}


def _joined(parts: Sequence[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {output: np.concatenate([part[output] for part in parts]) for output in parts[0]}
