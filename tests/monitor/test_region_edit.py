"""A region of interest is written into the configuration as somebody wrote it, and nothing else changes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import RegionOfInterest
from monitor.config.file import read_config
from monitor.config.region_edit import write_region
from monitor.errors import ConfigError

REGION = RegionOfInterest(left=0.25, top=0.1, right=0.75, bottom=0.9)
WORDS = "region_of_interest: {left: 0.25, top: 0.1, right: 0.75, bottom: 0.9}"
FORMS = {
    "block": "# ours\nbeds:\n  - id: bed-1  # by the window\n    camera:\n      url: synthetic://calm\n  - id: bed-2\n"
    "    camera: {url: synthetic://pain}\nalarms:\n  hold_seconds: 6  # as agreed\n",
    "flow": "beds: [{id: bed-1, camera: {url: synthetic://calm}}, {camera: {url: synthetic://pain}, id: bed-2}] # 2\n",
    "there": "beds:\n  - id: bed-1\n    region_of_interest:  # the left half\n      left: 0.0\n      right: 0.5\n"
    "    # the camera\n    camera: {url: synthetic://calm}\n  - {id: bed-2, camera: {url: synthetic://pain}}\n",
    "there in one line": "beds:\n- {id: bed-2, camera: {url: synthetic://pain}}\n- camera: {url: synthetic://calm}\n"
    "  region_of_interest: {left: 0.5}  # half\n  id: bed-1",
    "other line ends": "beds:\r\n  - id: bed-1\r\n    camera: {url: synthetic://calm}\r\n",
    "merged": "beds:\n  - &first {id: bed-2, camera: {url: synthetic://pain}, region_of_interest: {left: 0.2}}\n"
    "  - <<: *first\n    id: bed-1\n    camera: {url: synthetic://calm}\n",
    "environment": "beds:\n  - id: bed-1\n    camera: {url: '${NICU_TRIAL_CAMERA:-synthetic://calm}'}\n",
}


def regions(file: Path) -> dict[str, tuple[float, ...]]:
    return {bed.id: bed.region_of_interest.edges for bed in read_config(file).beds}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_keeps_its_comments_and_all_but_the_region(tmp_path: Path, form: str) -> None:
    file = tmp_path / "station.yaml"
    file.write_bytes(FORMS[form].encode())
    file.chmod(0o640)
    before, others = read_config(file), regions(file)
    assert write_region(file, "bed-1", REGION) == FORMS[form]
    after = read_config(file)
    assert regions(file) == {**others, "bed-1": REGION.edges}
    assert after.model_copy(update={"beds": ()}) == before.model_copy(update={"beds": ()})
    text = file.read_bytes().decode()
    for comment in [line.partition("#")[2] for line in FORMS[form].splitlines() if "#" in line]:
        assert comment in text
    assert "\n" not in text.replace("\r\n", "") or "\r\n" not in text
    assert file.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "station.yaml.previous").read_bytes().decode() == FORMS[form]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["station.yaml", "station.yaml.previous"]


def test_only_one_line_is_put_in(tmp_path: Path) -> None:
    file = tmp_path / "station.yaml"
    file.write_text(FORMS["block"])
    write_region(file, "bed-1", REGION)
    lines = file.read_text().splitlines()
    assert lines[3] == f"    {WORDS}"
    assert "\n".join(lines[:3] + lines[4:]) + "\n" == FORMS["block"]


@settings(max_examples=30, deadline=None)
@given(
    numbers=st.lists(st.integers(0, 100), min_size=4, max_size=4, unique=True).map(
        lambda found: [number / 100 for number in found]
    ),
    form=st.sampled_from(sorted(FORMS)),
)
def test_what_was_written_is_read_and_can_be_written_over(tmp_path_factory, numbers, form) -> None:
    file = tmp_path_factory.mktemp("region") / "station.yaml"
    file.write_bytes(FORMS[form].encode())
    left, right = sorted(numbers[:2])
    top, bottom = sorted(numbers[2:])
    region = RegionOfInterest(left=left, top=top, right=right, bottom=bottom)
    write_region(file, "bed-1", REGION)
    write_region(file, "bed-1", region)
    assert regions(file)["bed-1"] == region.edges
    assert file.read_text().count("region_of_interest") == (2 if form == "merged" else 1)


def test_a_file_whose_form_does_not_allow_it_is_left_alone_and_says_what_to_write(tmp_path: Path) -> None:
    file = tmp_path / "station.yaml"
    text = (
        "beds:\n  - id: bed-2\n    camera: {url: synthetic://pain}\n    region_of_interest: &half {left: 0.5}\n"
        "  - id: bed-1\n    camera: {url: synthetic://calm}\n    region_of_interest: *half\n"
    )
    file.write_text(text)
    with pytest.raises(
        ConfigError, match=r"does not allow to change bed bed-1 alone.* write region_of_interest: \{left: 0\.25"
    ):
        write_region(file, "bed-1", REGION)
    with pytest.raises(ConfigError, match="names no bed bed-9"):
        write_region(file, "bed-9", REGION)
    assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["station.yaml"]


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "station.yaml"
    file.write_text(FORMS["block"])

    def refuse(*_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("monitor.config.region_edit.os.open", refuse)  # root may write everywhere
    with pytest.raises(ConfigError, match=r"may not write .*station\.yaml; let it with: sudo chown"):
        write_region(file, "bed-1", REGION)
    assert file.read_text() == FORMS["block"]
