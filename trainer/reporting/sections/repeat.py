"""What is needed to repeat every run: command, configuration, seeds, versions, digests."""

from pathlib import Path
from typing import Any

import yaml

from trainer.evaluation.tables import Table
from trainer.reporting.document import Block, Code, Grid, Notice, Section, Text
from trainer.reporting.gathering import Comparison, Reported

__all__ = ["configuration_text", "repeat_section"]


def repeat_section(comparison: Comparison) -> Section:
    """Return command, configuration and environment of each run."""
    blocks: list[Block] = [
        Text(
            "Save a configuration beside its manifest, under the name in its command. On a CPU the same versions give "
            "the same metrics; a digest that differs means other pictures or other folds."
        ),
        Grid(Table("Seeds and digests", _HEAD, [_row(part) for part in comparison.reported])),
        Grid(_versions(comparison)),
        *(
            Notice(f"{part.entry.name}: other versions of these programs, or another machine, had begun it.")
            for part in comparison.reported
            if part.run.record.get("earlier_programs")
        ),
    ]
    blocks += [Code(_command(part), configuration_text(part)) for part in comparison.reported]
    return Section("How to repeat it", tuple(blocks))


_HEAD = ["Run", "Seed of the folds", "Seed of the training", "Deterministic", "Manifest SHA-256", "Fold map SHA-256"]


def _row(part: Reported) -> list[str]:
    record = part.run.record
    training = record.get("training", {})
    return [
        part.entry.name,
        str(record["config"]["protocol"]["seed"]),
        str(training.get("seed", "-")),
        {True: "yes", False: "no"}.get(training.get("deterministic"), "-"),
        part.entry.manifest_sha256,
        part.entry.fold_map_sha256,
    ]


def _versions(comparison: Comparison) -> Table:
    programs: list[dict[str, Any]] = [part.run.record.get("program", {}) for part in comparison.reported]
    names = list(dict.fromkeys(name for program in programs for name in program))
    rows = [
        [part.entry.name, *(str(program.get(name, "not known")) for name in names)]
        for part, program in zip(comparison.reported, programs, strict=True)
    ]
    return Table("Programs and machines", ["Run", *names], rows)


def _command(part: Reported) -> str:
    if part.run.is_external:
        manifest = part.run.config.manifest.name
        return f"nicu-trainer evaluate {part.run.record['evaluated']['source']} {manifest} --out runs/{part.key}"
    return f"nicu-trainer cv --config {part.key}.yaml --out runs/{part.key}"


def configuration_text(part: Reported) -> str:
    """Return the run's configuration as YAML that `nicu-trainer cv --config` reads.

    What was left out stays out, and files have their names only: where they lay is nobody's business.
    """
    content = {name: value for name, value in part.run.record["config"].items() if value not in (None, {}, [])}
    content |= {name: Path(content[name]).name for name in ("manifest", "crops", "weights") if name in content}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
