"""`nicu-trainer report`, from runs to a page: complete, true to the runs, safe, readable by everybody."""

import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import yaml

from trainer.commands.report import command as report
from trainer.errors import DataError, SettingsError
from trainer.experiments import read_config

VOID = {"meta", "img", "br", "hr", "input", "link", "path", "use", "rect", "line", "circle", "polygon", "polyline"}
FAST = ["--resamples", 100]
EXPLAINED = [*FAST, "--pictures", 2, "--scored", 4, "--intervened", 12, "--method", "grad-cam"]


class Page(HTMLParser):
    """A page's elements, tables and text; fails on an element that is not closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.tables, self.headings = [], [], {}, []
        self._cells, self._rows, self._title, self._heard = None, [], "", ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._heard = ""
        if tag not in VOID:
            self.open.append(tag)
        if tag == "div" and dict(attributes).get("class") == "scroll":
            self._title, self._rows = dict(attributes)["aria-label"].removeprefix("Table: "), []
        if tag == "tr":
            self._cells = []

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open.pop() == tag
        if tag in {"td", "th"}:
            self._cells.append(self._heard)
        if tag == "tr":
            self._rows.append(self._cells)
        if tag == "table":
            self.tables[self._title] = self._rows
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), self._heard))

    def handle_data(self, data):
        self._heard += data

    def rows(self, title):
        """Return a table's rows by their columns' names."""
        head, *rows = self.tables[title]
        return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def folder(run, runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    output = run(report, *runs, "--out", out, *EXPLAINED)
    assert str(out / "report.html") in output
    return out


@pytest.fixture(scope="module")
def text(folder):
    return (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


@pytest.fixture(scope="module")
def markdown(folder):
    return (folder / "report.md").read_text()


def metrics_of(runs):
    return {path.name: json.loads((path / "metrics.json").read_text()) for path in runs}


def test_the_page_asks_no_other_machine_for_anything(page, text):
    targets = [value for _, found in page.elements for key, value in found.items() if key in {"src", "href", "srcset"}]

    assert all(target.startswith(("#", "data:image/jpeg;base64,")) for target in targets)
    assert "http" not in re.sub(r'src="data:[^"]*"|http-equiv', "", text)
    assert not re.search(r"url\((?!#)|@import", text)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}


def test_everything_has_a_name_and_every_id_is_its_own(page):
    ids = [found["id"] for _, found in page.elements if "id" in found]
    used = {value[1:] for _, found in page.elements for key, value in found.items() if key.endswith("href")}
    levels = [level for level, _ in page.headings]

    assert len(ids) == len(set(ids))
    assert used <= set(ids)
    assert all(found["alt"] for tag, found in page.elements if tag == "img")
    assert all(found["aria-label"] for tag, found in page.elements if found.get("role") == "img")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def in_percent(interval):
    """A share with its interval; without one where the infants are all alike."""
    value, low, high = (None if interval[end] is None else 100 * interval[end] for end in ("value", "low", "high"))
    return f"{value:.1f}" if low is None else f"{value:.1f} [{low:.1f}, {high:.1f}]"


def test_table_one_says_what_the_runs_say(page, runs):
    rows = page.rows("Table 1")

    blocks = ("Training", "Validation", "Test", "Test, pooled")
    assert [row["Block"] for row in rows] == [block for block in blocks for _ in range(4)]
    for name, metrics in metrics_of(runs).items():
        title = {"mimic": "Mimic", "pair": "Mimic, ensemble of 4"}[name.split("-")[0]]
        protocol = {"strict": "strict", "dissertation": "dissertation, halves redrawn"}[name.split("-")[1]]
        own = {row["Block"]: row for row in rows if (row["Model"], row["Protocol"]) == (title, protocol)}
        mean, pooled = metrics["mean_over_folds"]["accuracy"], metrics["pooled"]["accuracy"]
        assert own["Test"]["SET"] == f"{100 * mean['mean']:.1f} ± {100 * mean['sd']:.1f}"
        assert own["Test, pooled"]["SET"] == in_percent(pooled)
        for part in ("training", "validation"):
            folds = np.array([fold[f"{part}_accuracy"] for fold in metrics["training"]])
            assert own[part.capitalize()]["SET"] == f"{100 * folds.mean():.1f} ± {100 * folds.std(ddof=1):.1f}"


def test_every_pooled_figure_and_every_count_is_the_runs(page, runs):
    of_run = {row["Run"]: row for row in page.rows("Metrics")}
    counts = page.rows("Counts")

    for name, metrics in metrics_of(runs).items():
        for metric in ("accuracy", "auc", "f1", "sensitivity", "specificity", "loss", "ece", "brier"):
            assert of_run[name][metric].startswith(f"{metrics['pooled'][metric]['value']:.3f}")
        assert of_run[name]["Subjects"] == str(metrics["subjects"])
        title = of_run[name]["Model"]
        row = next(row for row in counts if (row["Model"], row["Protocol"]) == (title, name.split("-")[1]))
        matrix = metrics["confusion"]
        assert list(row.values())[3:] == [str(matrix[key]) for key in ("tp", "fn", "fp", "tn")]
        folds = page.rows(f"Fold by fold: {title}, {name.split('-')[1]}, set")
        first = metrics["folds"][0]
        value = f"{first['figures']['accuracy']:.3f}"
        has_interval = first["intervals"] is not None and first["intervals"]["accuracy"]["low"] is not None
        assert folds[0]["accuracy"].startswith(f"{value} [") if has_interval else folds[0]["accuracy"] == value


def test_both_protocols_stand_side_by_side_with_the_gap(page, runs):
    metrics = metrics_of(runs)
    rows = page.rows("Dissertation against strict")

    assert len(rows) == 2
    for row, name in zip(rows, ("mimic", "pair"), strict=True):
        leaky, honest = (metrics[f"{name}-{protocol}"]["pooled"] for protocol in ("dissertation", "strict"))
        gap = 100 * (leaky["accuracy"]["value"] - honest["accuracy"]["value"])
        shown, _, interval = row["Gap (points)"].partition(" ")
        assert shown == f"{gap:+.1f}"
        # None where the leak is worth as much for each of these infants: then it is not known how much for others.
        if interval:
            low, high = map(float, interval.strip("[]").split(", "))
            assert low <= gap <= high
        for column, shown_metrics in (("Dissertation test", leaky), ("Strict test", honest)):
            # Likewise: infants of whom each is right in half of its pictures give no interval.
            assert row[column].partition(" ")[0] == f"{100 * shown_metrics['accuracy']['value']:.1f}"


def test_a_hostile_name_is_shown_and_does_nothing(hostile_name, page, text, markdown):
    names = [row["Infant"] for row in page.rows("Right answers of each infant, set")]

    assert f"set/{hostile_name}" in names
    assert "<script>alert" not in text
    assert "<script" not in markdown
    assert "&lt;script&gt;" in markdown


def test_the_audit_names_the_leak_and_its_absence(page, text, runs):
    overlaps = page.rows("Overlaps: Mimic, dissertation, set")
    tested = [row for row in overlaps if row["Sides"] == "development, test"]

    assert "Mimic, strict, set: nothing is on two sides of any division" in text
    assert "Mimic, dissertation, set: not clean: up to 6 tested infants seen in training" in text
    known = [entry for entry in metrics_of(runs)["mimic-dissertation"]["audit"] if entry["sides"][0] == "development"]
    assert [row["Infants on both"] for row in tested] == [str(len(entry["subjects"])) for entry in known]


def test_stimuli_and_confusers_are_counted(page, text, runs):
    rows = {row["Stimulus"]: row for row in page.rows("Stimuli: Mimic, strict, set")}

    for found in metrics_of(runs)["mimic-strict"]["per_stimulus"]:
        share = f"{100 * found['said_pain_share']:.0f} %"
        assert rows[found["stimulus"]]["Called pain"] == f"{found['said_pain']} of {found['pictures']} ({share})"
    assert "no picture shows cry, air, friction" in text


def test_only_strict_runs_are_explained_where_there_is_one(page, text):
    pictures = [found for tag, found in page.elements if tag == "img"]

    beside, *alone = pictures
    assert "for each network the heat map of its answer" in beside["alt"]
    assert len(alone) == 2
    assert all("strict" in found["alt"] for found in alone)
    assert "Scores of the heat maps: Mimic, strict, set" in page.tables
    assert "Interventions: Mimic, ensemble of 4, strict, set" in page.tables
    assert "Probes of the last features: Mimic, strict, set" in page.tables
    assert "The figures below show faces from set. Give this page to nobody" in text
    assert "Mimic, dissertation, set: not explained: the run mimic-strict of the same model is" in text


def test_the_checklist_has_all_items_and_leaves_open_what_no_run_knows(page):
    rows = page.rows("Checklist")

    assert {int(re.match(r"\d+", row["Item"]).group()) for row in rows} == set(range(1, 28))
    for row in rows:
        assert ("The researcher must" in row["Answer"]) == (row["State"] != "from the runs")
        assert row["Answer"]
    assert next(row for row in rows if row["Item"] == "17")["State"] == "open"
    assert "6 infants" in next(row for row in rows if row["Item"] == "10")["Answer"]


def test_the_configuration_in_the_report_is_one_that_can_be_run(text, runs, tmp_path):
    blocks = re.findall(
        r"<h3>nicu-trainer cv --config ([\w-]+)\.yaml[^<]*</h3>\s*<pre[^>]*>(.*?)</pre>", text, re.DOTALL
    )

    assert [name for name, _ in blocks] == sorted((path.name for path in runs), key=_protocol_first)
    for name, content in blocks:
        (tmp_path / "trial.yaml").write_text(content.replace("&#39;", "'"))
        known = json.loads((next(path for path in runs if path.name == name) / "run.json").read_text())["config"]
        config = read_config(tmp_path / "trial.yaml", {})
        assert config.training == known["training"]
        assert config.protocol.model_dump() == known["protocol"]
        assert yaml.safe_load(content)["manifest"] == "set.manifest.csv"


def _protocol_first(name):
    model, protocol = name.split("-")
    return protocol, model


def test_the_markdown_has_the_same_sections_tables_and_pictures(page, markdown, folder):
    titles = [title for level, title in page.headings if level == 2]

    assert re.findall(r"^## (.+)$", markdown, re.MULTILINE) == titles
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", markdown):
        assert (folder / path).stat().st_size > 1000
        if path.endswith(".svg"):
            ET.parse(folder / path)  # noqa: S314 - the program's own file
    for row in page.rows("Table 1"):
        assert "| " + " | ".join(row.values()) + " |" in markdown


def test_an_explanation_is_not_measured_twice(run, folder, runs, tmp_path):
    record = folder / "explanations" / "mimic-strict" / "explained.json"
    shutil.copytree(folder / "explanations", tmp_path / "explanations")
    before = (tmp_path / "explanations" / "mimic-strict" / "explained.json").stat().st_ino

    run(report, runs[0], "--out", tmp_path, *EXPLAINED)
    same = (tmp_path / "explanations" / "mimic-strict" / "explained.json").stat().st_ino
    run(report, runs[0], "--out", tmp_path, *EXPLAINED, "--seed", 1, "--intervened", 0)
    changed = json.loads((tmp_path / "explanations" / "mimic-strict" / "explained.json").read_text())

    assert same == before
    assert json.loads(record.read_text())["interventions"] is not None
    assert changed["interventions"] is None
    assert changed["key"] != json.loads(record.read_text())["key"]


def test_an_explanation_by_an_older_program_is_measured_again(run, folder, runs, tmp_path, monkeypatch):
    shutil.copytree(folder / "explanations", tmp_path / "explanations")
    record = tmp_path / "explanations" / "mimic-strict" / "explained.json"
    before = json.loads(record.read_text())["key"]
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "99.0")

    run(report, runs[0], "--out", tmp_path, *EXPLAINED)

    assert json.loads(record.read_text())["key"] != before


def test_what_is_gone_is_said_in_words(run, runs, manifest, tmp_path):
    copied = tmp_path / "mimic-strict"
    shutil.copytree(runs[0], copied)
    for path in copied.glob("fold*/*.pt"):
        path.unlink()
    record = json.loads((copied / "run.json").read_text())
    record["config"]["manifest"] = str(tmp_path / "moved.manifest.csv")
    (copied / "run.json").write_text(json.dumps(record))
    metrics = json.loads((copied / "metrics.json").read_text())
    metrics["audit"] = []
    metrics["training"][1]["attempts"] = [2]
    (copied / "metrics.json").write_text(json.dumps(metrics))

    run(report, copied, "--out", tmp_path / "out", *FAST)
    text = (tmp_path / "out" / "report.html").read_text()

    assert "the pictures cannot be counted here: there is no manifest" in text
    assert "what was refused when it was taken in is not known" in text
    assert "no curve: the training checkpoints are gone" in text
    assert "not explained: there is no manifest" in text
    assert "this run was not audited" in text
    assert "in fold 2 a network died (it gave every picture the same answer) and was restarted" in text
    assert "No model was run under both protocols" in text
    assert "No other run tested the same pictures in the same folds" in text


def test_runs_on_other_pictures_of_the_same_name_are_distinguished(run, runs, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(runs[0], other, ignore=shutil.ignore_patterns("*.pt"))
    record = json.loads((other / "run.json").read_text())
    known = record["manifest_sha256"]
    record["manifest_sha256"] = "0" * 64
    (other / "run.json").write_text(json.dumps(record))

    run(report, runs[0], other, "--out", tmp_path / "out", *FAST, "--no-explain")
    text = (tmp_path / "out" / "report.html").read_text()
    page = Page(text)

    assert "are not of the same pictures and are not compared with each other" in text
    assert f"SET ({known[:6].upper()})" in page.tables["Table 1"][0]
    assert "lists other pictures now than when the run was made" in text


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda path: (path / "run.json").unlink(), DataError, "is no run: it has no run.json"),
        (lambda path: (path / "metrics.json").unlink(), DataError, "is not finished; start the same command again"),
        (lambda path: (path / "predictions.csv").write_text("fold,image\n0,a\n"), DataError, "is damaged"),
    ],
)
def test_what_is_no_finished_run_is_refused_in_a_sentence(run, runs, tmp_path, spoil, error, message):
    copied = tmp_path / "copied"
    shutil.copytree(runs[0], copied, ignore=shutil.ignore_patterns("*.pt"))
    spoil(copied)

    with pytest.raises(error, match=message):
        run(report, copied, "--out", tmp_path / "out", *FAST)
    assert not (tmp_path / "out").exists()


def test_a_reference_that_did_not_run_is_refused(run, runs, tmp_path):
    with pytest.raises(SettingsError, match="no run is of the model 'ncnn'; --reference can be mimic"):
        run(report, runs[0], "--out", tmp_path, "--reference", "ncnn", "--no-explain")
