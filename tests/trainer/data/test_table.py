"""`nicu-trainer ingest table` takes in any two-class set, whatever its labels are called, and says what it assumed."""

import csv

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.ingest import command
from trainer.data import Label, find_labels, find_scores, read_manifest, read_table
from trainer.errors import DataError


def write_set(folder, labels, columns=("image", "subject", "label"), subject=lambda index: f"p{index}"):
    """Write one picture a label and the table of them; `columns` says what the table has, and what it is called."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [columns]
    for index, label in enumerate(labels):
        coarse = np.random.default_rng(index).integers(0, 255, (4, 4)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC))
        fields = {"image": f"{index}.png", "file": f"{index}.png", "subject": subject(index), "label": label}
        rows.append([fields.get(column, label) for column in columns])
    with (folder / "set.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return folder / "set.csv"


def taken(table, *options):
    result = CliRunner().invoke(command, ["table", str(table), *options], catch_exceptions=False)
    records = read_manifest(table.with_name("set.manifest.csv")).records
    return {record.image: record.label for record in records}, result.output


@pytest.mark.parametrize(
    ("words", "positive"),
    [
        (("smile", "neutral"), "smile"),
        (("non-smile", "smiling"), "smiling"),
        (("happy", "sad"), "happy"),
        (("1", "2"), "2"),
        (("-1", "1"), "1"),
        (("0.0", "1.0"), "1.0"),
        (("pain", "baseline"), "pain"),
        (("no_pain", "distress"), "distress"),
        (("dor", "sem dor"), "dor"),
    ],
)
def test_two_words_of_any_kind_become_the_two_classes(tmp_path, words, positive):
    labels, output = taken(write_set(tmp_path, [words[index % 2] for index in range(4)]))

    for index in range(4):
        assert labels[f"{index}.png"] is (Label.PAIN if words[index % 2] == positive else Label.NO_PAIN)
    assert "2 pain and 2 no pain" in output


def test_a_choice_that_was_made_for_the_user_is_said_and_can_be_turned_round(tmp_path):
    table = write_set(tmp_path, ["smile", "neutral", "smile"])

    _, output = taken(table)
    turned, other = taken(table, "--positive", "Neutral")

    assert "'smile' is taken as the positive class" in output
    assert "--positive" in output
    assert turned == {"0.png": Label.NO_PAIN, "1.png": Label.PAIN, "2.png": Label.NO_PAIN}
    assert "'neutral' is taken as the positive class" in other


def test_one_of_several_labels_can_be_set_against_all_others(tmp_path):
    table = write_set(tmp_path, ["happy", "sad", "angry", "happy"])

    with pytest.raises(DataError, match=r"must have two labels, but has 'happy' \(2\).*--positive"):
        read_table(table)
    labels, _ = taken(table, "--positive", "happy")
    assert sorted(labels.values()) == [Label.NO_PAIN, Label.NO_PAIN, Label.PAIN, Label.PAIN]
    with pytest.raises(DataError, match=r"no row of .* has the label 'joyful'"):
        read_table(table, "joyful")


def test_one_word_alone_is_no_two_classes(tmp_path):
    with pytest.raises(DataError, match=r"must have two labels, but has 'smile' \(3\)"):
        read_table(write_set(tmp_path, ["smile"] * 3))


def test_without_subjects_every_picture_stands_alone_and_that_is_said(tmp_path):
    table = write_set(tmp_path, ["1", "0", "1"], columns=("file", "class"))

    _, output = taken(table)

    assert "has no column 'subject': every picture counts as a person of its own" in output
    assert len({record.subject for record in read_manifest(tmp_path / "set.manifest.csv").records}) == 3


def test_two_rows_for_one_picture_without_subject_are_one_duplicate_and_no_conflict(tmp_path):
    table = write_set(tmp_path, ["1", "0", "1"], columns=("image", "label"))
    (tmp_path / "copy.png").write_bytes((tmp_path / "0.png").read_bytes())
    table.write_text(table.read_text() + "copy.png,1\n")

    labels, output = taken(table)

    assert len(labels) == 3
    assert "1 duplicate" in output


def test_paths_are_relative_to_the_table_or_else_to_where_the_command_runs(tmp_path, monkeypatch):
    write_set(tmp_path / "faces", ["1", "0"])
    (tmp_path / "lists").mkdir()
    elsewhere = tmp_path / "lists" / "set.csv"
    elsewhere.write_text("image,subject,label\nfaces/0.png,a,1\nfaces/1.png,b,0\n")
    monkeypatch.chdir(tmp_path)

    labels, _ = taken(elsewhere)

    assert len(labels) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "has no row"), ("image,subject\na.png,b\n", "lacks the column 'label'"), ("label\n1\n", "lacks the column")],
)
def test_a_table_without_what_is_needed_is_refused(tmp_path, content, message):
    (tmp_path / "set.csv").write_text(content)

    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "set.csv")


def test_a_table_from_another_system_is_read(tmp_path):
    write_set(tmp_path / "some folder", ["PAIN", "No_Pain", "pain"])
    rows = "Image_Path;Subject;Expression\r\n" + "".join(
        f"some folder\\{index}.png;p{index};{word}\r\n" for index, word in enumerate(["PAIN", "No_Pain", "pain"])
    )
    (tmp_path / "set.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())

    labels, output = taken(tmp_path / "set.csv")

    assert labels == {f"some folder/{index}.png": label for index, label in enumerate(["pain", "no_pain", "pain"])}
    assert "No file was refused" in output


def test_a_table_in_no_known_encoding_is_named_with_what_to_do(tmp_path):
    (tmp_path / "set.csv").write_bytes(b"image,subject,label\na.png,Jos\x81,pain\n")

    with pytest.raises(DataError, match=r"set\.csv is neither in UTF-8 .*save it as CSV in UTF-8"):
        read_table(tmp_path / "set.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("words", [("dor", "não-dor"), ("Dor", "NÃO DOR"), ("1,0", "0,0"), ("sim", "não"), ("1", "0")])
@pytest.mark.parametrize("first", ["", "sep=;\n"])
def test_a_portuguese_table_is_read_in_every_encoding(tmp_path, encoding, words, first):
    lines = [f"{first}Arquivo;Rótulo;Sujeito"]
    lines += [f"{index}.png;{words[index % 2]};bebê {index}" for index in range(4)]
    (tmp_path / "set.csv").write_bytes("\n".join(lines).encode(encoding))

    table = read_table(tmp_path / "set.csv")

    assert [entry.named.label for entry in table.candidates] == [Label.PAIN, Label.NO_PAIN] * 2
    assert [entry.named.subject for entry in table.candidates] == [f"bebê {index}" for index in range(4)]
    assert table.positive == "pain"


def test_decimal_commas_do_not_swap_the_classes_of_other_numbers(tmp_path):
    (tmp_path / "set.csv").write_text("image;label;subject\na.png;1,5;a\nb.png;0,5;b\n")

    table = read_table(tmp_path / "set.csv")

    assert [entry.named.label for entry in table.candidates] == [Label.PAIN, Label.NO_PAIN]


def test_scores_of_the_facial_coding_become_labels_at_a_threshold(tmp_path):
    (tmp_path / "labels.csv").write_text("arquivo;rótulo;NFCS\n01_101010.bmp;não-dor;3,0\n01_101020.bmp;dor;2\n")

    by_label, by_score = (find_labels(tmp_path, None, threshold) for threshold in (None, 3.0))

    assert (by_label["01_101010"], by_label["01_101020"]) == (Label.NO_PAIN, Label.PAIN)
    assert (by_score["01_101010"], by_score["01_101020"]) == (Label.PAIN, Label.NO_PAIN)


@pytest.mark.parametrize("cell", ["NaN", "inf", "-Infinity", "", "1e999"])
def test_a_score_that_is_no_finite_number_is_refused_with_its_line(tmp_path, cell):
    (tmp_path / "labels.csv").write_text(f"arquivo;NFCS\n01_101010.bmp;3\n01_101020.bmp;{cell}\n")

    with pytest.raises(DataError, match=rf"labels\.csv, line 3: '{cell}' is no NFCS score"):
        find_labels(tmp_path, None, 3.0)


def test_a_soft_score_that_is_no_finite_number_is_refused_with_its_line(tmp_path):
    (tmp_path / "set.csv").write_text("image,label,nfcs\na.png,1,4\nb.png,0,nan\n")

    first, second = (entry.named for entry in read_table(tmp_path / "set.csv", with_scores=True).candidates)

    assert first.label is Label.PAIN
    assert str(second) == "set.csv, line 3: 'nan' is no NFCS score"


def test_tables_of_a_folder_that_contradict_each_other_are_both_named(tmp_path):
    (tmp_path / "a.csv").write_text("image,label,nfcs\n01_101010.bmp,pain,4\n01_101020.bmp,no pain,\n")
    (tmp_path / "b.csv").write_text("image,label,nfcs\n01_101020.bmp,no pain,1\n01_101030.bmp,pain,3\n")

    assert len(find_labels(tmp_path, None)) == len(find_scores(tmp_path, None)) == 6

    (tmp_path / "c.csv").write_text("image,label,nfcs\n01_101010.bmp,no pain,1\n")
    for find in (find_labels, find_scores):
        with pytest.raises(DataError, match=r"a\.csv and .*c\.csv contradict each other about 01_101010.*--labels"):
            find(tmp_path, None)
    assert find_labels(tmp_path, tmp_path / "c.csv")["01_101010"] is Label.NO_PAIN


def test_a_set_of_one_class_is_said_when_it_is_taken_in(tmp_path):
    _, output = taken(write_set(tmp_path, ["pain", "pain"]))

    assert "All 2 pictures to train and test on are labelled pain; both are needed." in output
