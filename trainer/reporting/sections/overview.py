"""What was compared, and the pictures that it was compared on."""

from collections import Counter

import numpy as np

from trainer.data import Label, Role
from trainer.evaluation.tables import Table
from trainer.experiments.compare import differing_data
from trainer.reporting.document import Block, Grid, Listing, Notice, Section, Text
from trainer.reporting.gathering import Comparison, DataFacts, Reported
from trainer.reporting.words import counted

__all__ = ["data_section", "overview_section"]

_REFUSALS_SHOWN = 50


def overview_section(comparison: Comparison) -> Section:
    """Return the list of runs and whatever must be known before a metric is read."""
    rows = [_row(part) for part in comparison.reported]
    head = ["Run", "Model", "Protocol", "Data", "Folds", "Networks a fold", "Answers", "Infants", "Without a face"]
    note = "Answers are tested pictures, each counted once, however many folds tested it."
    blocks: list[Block] = [Grid(Table("Runs", head, rows, note))]
    blocks += [Notice(sentence) for sentence in differing_data(comparison.entries)]
    if any(part.run.is_external for part in comparison.reported):
        blocks.append(Text("External: a finished model was evaluated as it is; nothing was trained on these pictures."))
    blocks += [Notice(sentence) for part in comparison.reported for sentence in _warnings(part)]
    return Section("What was compared", tuple(blocks))


def _row(part: Reported) -> list[str]:
    entry, metrics = part.entry, part.metrics
    return [
        entry.name,
        entry.title,
        entry.protocol,
        entry.data,
        str(len(metrics["folds"])),
        "-" if part.is_baseline else str(part.run.record.get("members", 1)),
        str(metrics["pictures"]),
        str(metrics["subjects"]),
        str(metrics["without_face"]["pictures"]),
    ]


def _warnings(part: Reported) -> list[str]:
    """Return what is wrong with a run: dead or silent networks, answers that do not depend on the picture."""
    where, sentences = f"{part.entry.title}, {part.entry.protocol}, {part.entry.data}", []
    for fold in part.metrics.get("training", []):
        restarts = sum(attempts - 1 for attempts in fold.get("attempts", []))
        if restarts:
            sentences.append(
                f"{where}: in fold {fold['fold'] + 1} a network died (it gave every picture the same answer) and was "
                f"restarted with another seed {counted(restarts, 'time')}."
            )
        if silent := fold.get("silent_pictures", 0):
            sentences.append(
                f"{where}: in fold {fold['fold'] + 1} {counted(silent, 'tested picture')} got the network's constant, "
                "which it gives where its last hidden units are silent, whatever the picture. That counts as an answer "
                "in every number here; a station gives no score then."
            )
    table = part.entry.table
    for fold in np.unique(table.fold):
        logits = table.logits[(table.fold == fold) & table.is_main]
        if len(logits) > 1 and float(np.ptp(logits)) < 1e-3:
            sentences.append(
                f"{where}: in fold {int(fold) + 1} all tested pictures got the same answer; the network has learnt "
                "nothing from the pictures."
            )
    return sentences


def data_section(comparison: Comparison) -> Section:
    """Return counts of every data set, what was refused, and what had no face."""
    blocks: list[Block] = []
    counts = [_counts(facts) for facts in comparison.data.values() if facts.study is not None]
    if counts:
        head = ["Data", "Pictures", "Infants", "Pain", "No pain", "Confusers", "No face found", "Several faces"]
        note = "`Confusers` pictures show stimuli that are not trained on: they show what is mistaken for pain."
        blocks.append(Grid(Table("Pictures", head, counts, note.replace("`", "'"))))
    for facts in comparison.data.values():
        blocks += _details(facts)
    return Section("Data", tuple(blocks))


def _counts(facts: DataFacts) -> list[str]:
    study = facts.study
    if study is None:
        raise ValueError("there is no study to count")
    main = [record for record in study.records if record.role is Role.MAIN]
    pain = sum(record.label is Label.PAIN for record in main)
    return [
        facts.name,
        str(len(study.records)),
        str(len(set(study.subjects.tolist()))),
        str(pain),
        str(len(main) - pain),
        str(len(study.records) - len(main)),
        str(int((~study.has_face).sum())),
        str(sum(face.candidates > 1 for face in study.faces)),
    ]


def _details(facts: DataFacts) -> list[Block]:
    blocks: list[Block] = []
    if facts.study is None:
        blocks.append(Notice(f"{facts.name}: the pictures cannot be counted here: {facts.missing}."))
    else:
        if facts.is_synthetic:
            blocks.append(
                Notice(f"{facts.name}: the faces are synthetic. They test software and say nothing of infants.")
            )
        blocks.append(Grid(_stimuli(facts)))
        missing = [
            record.image for record, found in zip(facts.study.records, facts.study.has_face, strict=True) if not found
        ]
        if missing:
            sentence = f"{facts.name}: no face was found in {counted(len(missing), 'picture')}; none was answered: "
            blocks.append(Text(sentence + ", ".join(missing) + "."))
        else:
            blocks.append(Text(f"{facts.name}: a face was found in every picture."))
    return blocks + _ingested(facts)


def _stimuli(facts: DataFacts) -> Table:
    if facts.study is None:
        raise ValueError("there is no study to count")
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for record in facts.study.records:
        groups.setdefault(record.stimulus or "unknown", []).append((record.subject, record.label, record.role))
    rows = [
        [
            stimulus,
            str(len(found)),
            str(len({subject for subject, _, _ in found})),
            str(sum(label == Label.PAIN for _, label, _ in found)),
            "yes" if any(role == Role.MAIN for _, _, role in found) else "no",
        ]
        for stimulus, found in sorted(groups.items())
    ]
    head = ["Stimulus", "Pictures", "Infants", "Labelled pain", "Trained and tested on"]
    return Table(f"Stimuli of {facts.name}", head, rows)


def _ingested(facts: DataFacts) -> list[Block]:
    """Return what the ingestion reported."""
    if facts.ingest is None:
        return [Text(f"{facts.name}: what was refused when it was taken in is not known; that report is gone.")]
    refused = facts.ingest.get("refused", [])
    pairs = facts.ingest.get("near_duplicates", [])
    sentences = [f"{facts.name}: {len(refused)} files were refused when it was taken in." if refused else ""]
    sentences[0] = sentences[0] or f"{facts.name}: no file was refused when it was taken in."
    if slips := facts.ingest.get("slips_understood", {}):
        sentences.append(f"{counted(len(slips), 'misspelt name')} understood.")
    if pairs:
        across = sum(not pair["same_subject"] for pair in pairs)
        differ = sum(not pair["same_label"] for pair in pairs)
        sentences.append(
            f"{counted(len(pairs), 'pair')} of pictures look alike: {across} across infants, {differ} of different "
            "labels."
        )
    sentences += [str(sentence) for sentence in facts.ingest.get("warnings", [])]
    blocks: list[Block] = [Text(" ".join(sentences))]
    if refused:
        reasons = Counter(str(entry["reason"]).replace("_", " ") for entry in refused)
        summary = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        blocks.append(Text(f"Refused: {summary}."))
        shown = tuple(str(entry["message"]) for entry in refused[:_REFUSALS_SHOWN])
        rest = len(refused) - len(shown)
        blocks.append(Listing((*shown, *([f"and {rest} more in the ingestion's report"] if rest else []))))
    return blocks
