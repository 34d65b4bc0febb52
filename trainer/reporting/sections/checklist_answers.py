"""What the runs themselves say to items of the TRIPOD+AI checklist."""

from collections.abc import Iterable

from trainer.evaluation.bootstrap import RESAMPLES
from trainer.experiments.run import EXTERNAL
from trainer.reporting.gathering import Comparison, Reported
from trainer.reporting.sections.training import searched_settings
from trainer.reporting.words import counted, with_interval

__all__ = ["answers"]


def answers(comparison: Comparison) -> dict[str, str]:
    """Return the answer to each item that the runs can answer, wholly or in part, by the item's number."""
    return {**_about_data(comparison), **_about_models(comparison), **_about_results(comparison)}


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(sentences))


def _infants(part: Reported) -> str:
    return counted(int(part.metrics["subjects"]), "infant") if part.subjects_are_known else "infants not known"


def _about_data(comparison: Comparison) -> dict[str, str]:
    refused, lost, flow, held = [], [], [], []
    for facts in comparison.data.values():
        if facts.ingest is not None:
            count = counted(len(facts.ingest.get("refused", [])), "file")
            refused.append(f"{facts.name}: {count} refused, with reasons.")
        if facts.study is not None:
            main, has = facts.study.is_main, facts.study.has_face
            infants = "infants not known"
            if facts.study.manifest.subjects_are_known:
                infants = counted(len(set(facts.study.subjects[main].tolist())), "infant")
            pain = int(facts.study.labels[main].sum())
            held.append(f"{facts.name}: {int(main.sum())} pictures, {infants}.")
            flow.append(
                f"{facts.name}: {infants}; {pain} pictures with pain, {int(main.sum()) - pain} without; "
                f"{int((~has).sum())} of all {len(has)} without a found face."
            )
    for part in comparison.reported:
        missing = part.metrics["without_face"]["pictures"]
        lost.append(f"{part.entry.data}: {counted(missing, 'picture')} without a found face, counted, not answered.")
    protocols = sorted({entry.protocol for entry in comparison.entries})
    kinds = {
        "strict": "strict: folds by infant; near-duplicates on one side; stopping and calibration on inner infants.",
        "dissertation": "dissertation: half of the pictures tested, 37 copies of the others divided 70/30; infants on "
        "both sides.",
        EXTERNAL: "external: a finished model on pictures that trained nothing; what it had seen is in the audit.",
    }
    external = [part for part in comparison.reported if part.run.is_external]
    internal = [part for part in comparison.reported if not part.run.is_external]
    kind = "evaluation of finished models" if not internal else "internal evaluation"
    kind += " and evaluation of finished models" if internal and external else ""
    return {
        "4": f"{'Development and ' if internal else ''}{kind}, under: {', '.join(protocols)}.".capitalize(),
        "5a": f"Data sets: {', '.join(comparison.data)}.",
        "7": "Every file was read and checked; the face was found and cut with the monitor's own code, for all "
        f"pictures alike; section Data. {_joined(refused)}".strip(),
        "8a": "The label of the manifest, pain or no pain, at the moment of the photograph.",
        "10": _joined(held) or "Counts of the tested pictures are in the section 'What was compared'.",
        "11": f"{_joined(lost)} No value was imputed.",
        "12a": " ".join(kinds[protocol] for protocol in protocols),
        "16": " ".join(
            ["None by design: both are parts of one data set; the audit says what they share."] * bool(internal)
            + [f"{part.entry.title} was evaluated on {part.entry.data}." for part in external]
        ),
        "20a": _joined(flow) or "The pictures are gone; answered pictures are counted in 'What was compared'.",
        "20b": "Counts by data set, stimulus and label: section Data.",
        "20c": "Development and test are parts of one data set, divided with equal shares of pain where possible; "
        "fold by fold in 'All metrics'.",
    }


def _about_models(comparison: Comparison) -> dict[str, str]:
    networks = [part for part in comparison.reported if part.is_network]
    simple = [part for part in comparison.reported if part.is_baseline]
    predictors, handling, steps, balanced = [], [], [], []
    if networks:
        predictors.append("Networks: the pixels of the face crop.")
    if simple:
        predictors += [f"{part.entry.title}: {part.run.record['summary']}." for part in simple]
    for part in networks:
        contract, training = part.run.record["contract"], part.run.record["training"]
        handling.append(
            f"{part.entry.title}: crop of {contract['size_px']} px with margin {contract['margin']:g}, values scaled "
            "by fixed mean and spread."
        )
        steps.append(_steps(part))
        word = (
            "classes weighted as if equally frequent, so its probabilities hold for a share of pain of 50 %, which its "
            "temperature does not change"
            if training.get("balance_classes")
            else "no method used"
        )
        balanced.append(f"{part.entry.title}: {word}.")
    handling += [f"{part.entry.title}: features standardised." for part in simple]
    balanced += [f"{part.entry.title}: no method used." for part in simple]
    return {
        "9a": f"{_joined(predictors)} None was selected by its result.",
        "9b": _joined(predictors),
        "9c": "None is subjective: no person measures a predictor.",
        "12b": _joined(handling),
        "12c": f"{_joined(steps)} Internal validation: cross-validation.".strip(),
        "12d": "Infants are the clusters: results infant by infant, intervals are Student's t over infants.",
        "12e": "Accuracy, AUC, F1, sensitivity, specificity, loss, Brier, ECE, calibration slope and intercept, risk "
        "and coverage, net benefit; ROC, reliability and decision curves; paired differences.",
        "12f": "Temperature scaling on validation pictures of each fold; never on tested ones.",
        "12g": "By the stored networks of each fold; every answer is in predictions.csv of its run.",
        "13": _joined(balanced),
        "15": "A calibrated probability of pain; classified at 0.5, a threshold that was not tuned.",
        "18f": "This program; version and commit are in 'How to repeat it'.",
        "22": "Configuration, seeds and digests in 'How to repeat it'; 'nicu-trainer fit' writes the model's bundle.",
        "24": "None beyond the temperatures in the section Training"
        + (
            "; what recalibration on a new site would be worth is in 'Calibration'."
            if any(part.metrics.get("recalibration") for part in comparison.reported)
            else "."
        ),
    }


def _steps(part: Reported) -> str:
    """Return how a network was trained; what a search chose fold by fold is no one value."""
    training, searched = part.run.record["training"], searched_settings(part)

    def said(value: object, *names: str) -> str:
        return "a searched value" if f"training.{'.'.join(names)}" in searched else f"{value}"

    optimiser = training["optimiser"]
    text = (
        f"{part.entry.title}: {part.run.record['summary']}; {said(optimiser['name'], 'optimiser', 'name')} at "
        f"{said(format(optimiser['learning_rate'], 'g'), 'optimiser', 'learning_rate')}, "
        f"batch {said(training['batch_size'], 'batch_size')}, at most {said(training['epochs'], 'epochs')} "
        f"epochs, patience {said(training['patience_epochs'], 'patience_epochs')}."
    )
    if not searched:
        return text
    return (
        f"{text} Searched in each fold, by the loss of inner infants: {', '.join(searched)}; trials and choices: "
        "section Training."
    )


def _about_results(comparison: Comparison) -> dict[str, str]:
    events, results = [], []
    for part in comparison.reported:
        counts = part.metrics["confusion"]
        where = f"{part.entry.title}, {part.entry.protocol}, {part.entry.data}"
        pain = counts["tp"] + counts["fn"]
        events.append(f"{where}: {part.metrics['pictures']} answers, {pain} with pain, {_infants(part)}.")
        results.append(f"{where}: AUC {with_interval(part.metrics['pooled']['auc'])}.")
    for found in comparison.clips:
        content = found.content
        events.append(f"{found.title}: {found.size_text}.")
        results.append(
            f"{found.title}, whole monitor on videos: episodes found {with_interval(content['sensitivity'])}, false "
            f"alarms an hour {with_interval(content['false_alarms_per_hour'])}, share of the time without pain in "
            f"alarm {with_interval(content['alarm_time_outside_pain'])}."
        )
    return {
        "21": _joined(events),
        "23a": f"{_joined(results)} Intervals: t, {RESAMPLES:,} resamples of infants; by stimulus in 'What is "
        "mistaken for pain'.",
        "23b": "Sections 'Infant by infant' and 'Groups of infants'.",
        "26": "Section 'Limits'.",
        "27a": "A picture without a found face gets no answer; the monitor says 'cannot see', never 'no pain'.",
    }
