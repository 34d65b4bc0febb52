"""How the networks were trained, and whether what they were tested on had been seen."""

from typing import Any

from matplotlib.axes import Axes

from trainer.evaluation.tables import Table
from trainer.experiments.seen import doubts_of_infants, doubts_of_pictures, other_class
from trainer.protocols import UNKNOWN_INFANTS, seen_in_training
from trainer.reporting.document import Block, Grid, Notice, Picture, Section, Text
from trainer.reporting.gathering import Comparison, Reported
from trainer.reporting.plotting import axes_grid, plain, svg_of
from trainer.reporting.words import counted, decimals, percent

__all__ = ["audit_section", "searched_settings", "training_section"]

_FOLD_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_PAIRS_SHOWN = 5


def training_section(comparison: Comparison) -> Section:
    """Return the training curves, and when each network stopped."""
    networks = [part for part in comparison.reported if part.is_network]
    if not networks:
        return Section("Training", (Text("No run trained a network: there are no epochs."),))
    blocks: list[Block] = []
    with_history = [part for part in networks if part.histories]
    if with_history:
        figure, axes = axes_grid(len(with_history), columns=2, width=3.6, height=2.6)
        for axis, part in zip(axes, with_history, strict=True):
            _curves(axis, part)
        alt = "Loss of training and validation against epochs for each run; when each stopped is in the table."
        caption = "Training curves: one colour a fold; whole lines validation, dotted lines training."
        blocks.append(Picture("training", "svg", svg_of(figure), alt, caption))
    blocks += [
        Notice(f"{part.entry.title}, {part.entry.protocol}, {part.entry.data}: no curve: {part.history_missing}.")
        for part in networks
        if not part.histories
    ]
    head = ["Model", "Protocol", "Data", "Fold", "Epochs", "Best epoch", "Attempts", "Temperature", "Validation"]
    head += ["Validation loss", "Minutes"]
    note = "Attempts: more than 1 where a network died and was restarted. Validation: accuracy and loss."
    table = Table("Networks", head, [row for part in networks for row in _rows(part)], note)
    searched = [row for part in networks for row in _searched_rows(part)]
    if searched:
        head = ["Model", "Protocol", "Data", "Fold", "Trials", "Chosen", "Loss of inner infants"]
        note = "The trial of the least loss on the inner infants of its fold was taken; tested infants took no part."
        blocks.append(Grid(Table("Searched settings", head, searched, note)))
    return Section("Training", (*blocks, Grid(table)))


def searched_settings(part: Reported) -> list[str]:
    """Return the names of the settings that were searched in the folds of a run; empty without a search."""
    return sorted({name for fold in part.metrics["training"] for name in fold.get("tuned", {})})


def _searched_rows(part: Reported) -> list[list[str]]:
    entry, rows = part.entry, []
    for fold in part.metrics["training"]:
        if "tuned" in fold:
            chosen, trials = fold["tuned"], fold.get("trials", [])
            losses = [trial["inner_loss"] for trial in trials if trial["values"] == chosen]
            shown = ", ".join(f"{name} {_value(value)}" for name, value in sorted(chosen.items()))
            loss = decimals(losses[0] if losses else None)
            rows.append([entry.title, entry.protocol, entry.data, str(fold["fold"] + 1), str(len(trials)), shown, loss])
    return rows


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _curves(axis: Axes, part: Reported) -> None:
    for fold, _, epochs in part.histories:
        colour = _FOLD_COLOURS[fold % len(_FOLD_COLOURS)]
        x = [report.epoch + 1 for report in epochs]
        axis.plot(x, [report.validation_loss for report in epochs], color=colour, lw=1.2)
        axis.plot(x, [report.train_loss for report in epochs], color=colour, lw=0.9, ls=":")
    entry = part.entry
    axis.set(xlabel="epoch", ylabel="loss")
    axis.set_title(f"{plain(entry.title)}, {entry.protocol}, {plain(entry.data)}", fontsize=8)


def _rows(part: Reported) -> list[list[str]]:
    entry = part.entry
    return [
        [
            *(entry.title, entry.protocol, entry.data, str(fold["fold"] + 1)),
            *(", ".join(map(str, fold.get(name, []))) or "-" for name in ("epochs", "best_epochs", "attempts")),
            decimals(fold.get("temperature"), 2),
            percent(fold.get("validation_accuracy")),
            decimals(fold.get("validation_loss")),
            decimals(fold.get("training_seconds", 0.0) / 60.0, 1),
        ]
        for fold in part.metrics["training"]
    ]


def audit_section(comparison: Comparison) -> Section:
    """Return what both sides of each division share, by infant, by file and by near-duplicate."""
    blocks: list[Block] = []
    for part in comparison.reported:
        entry, overlaps = part.entry, part.metrics.get("audit", [])
        where = f"{entry.title}, {entry.protocol}, {entry.data}"
        if part.run.is_external:
            blocks.append(_seen(where, part))
            if words := other_class(part.metrics):
                blocks.append(Notice(f"{where}: {words}."))
            continue
        if not overlaps:
            blocks.append(Notice(f"{where}: this run was not audited; `nicu-trainer audit` does it."))
            continue
        if not part.subjects_are_known:
            verdict = UNKNOWN_INFANTS
        elif all(overlap["clean"] for overlap in overlaps):
            verdict = "nothing is on two sides of any division: no infant, no file, no near-duplicate."
        elif seen := seen_in_training(overlaps):
            verdict = f"not clean: {'; '.join(seen)}."
        else:
            verdict = "what is tested was not seen, but training and validation share pictures or infants."
        clean = part.subjects_are_known and all(overlap["clean"] for overlap in overlaps)
        blocks.append((Text if clean else Notice)(f"{where}: {verdict}"))
        blocks.append(Grid(_audit_table(where, overlaps), folded=True))
    return Section("Audit: was anything tested that had been seen?", tuple(blocks))


def _seen(where: str, part: Reported) -> Block:
    """Return whether an evaluated model had seen the pictures or the infants."""
    seen = part.metrics["seen"]
    if seen["pictures"] or seen["subjects"] or part.metrics["is_trained_on_these"]:
        return Notice(
            f"{where}: not clean: the model had seen {counted(seen['pictures'], 'tested picture')} and pictures of "
            f"{counted(seen['subjects'], 'tested infant')}."
        )
    if not seen["is_known"]:
        return Notice(f"{where}: what the model had seen is not recorded in it.")
    if doubts := [*doubts_of_pictures(seen), *doubts_of_infants(seen)]:
        return Notice(f"{where}: not known: no tested file is one that the model learnt from, but {'; '.join(doubts)}.")
    return Text(
        f"{where}: the model had seen none of these pictures and none of these infants, as far as files, likeness and "
        "names tell."
    )


def _audit_table(where: str, overlaps: list[dict[str, Any]]) -> Table:
    head = ["Fold", "Sides", "Pictures", "Infants on both", "Their pictures", "Files on both", "Near-duplicates"]
    head.append("Such as")
    rows = []
    for overlap in overlaps:
        sides, pairs = overlap["sides"], overlap["near_duplicates"]
        rows.append(
            [
                str(overlap["fold"] + 1),
                f"{sides[0]}, {sides[1]}",
                str(overlap["pictures"]),
                str(len(overlap["subjects"])),
                str(overlap["subject_pictures"]),
                str(overlap["files"]),
                str(len(pairs)),
                "; ".join(f"{first} and {second}" for first, second in pairs[:_PAIRS_SHOWN]) or "-",
            ]
        )
    return Table(f"Overlaps: {where}", head, rows)
