import pytest

from monitor.video.containers import Completeness, check_completeness


@pytest.mark.parametrize("kind", ["mp4", "mkv", "webm", "avi"])
@pytest.mark.parametrize("share", [0.999, 0.9, 0.5])
def test_missing_bytes_are_counted(make_clip, tmp_path, kind, share):
    whole = make_clip(kind, faststart=True).read_bytes()
    assert check_completeness(make_clip(kind, faststart=True)).missing_bytes == 0
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: int(len(whole) * share)])
    missing = check_completeness(cut).missing_bytes
    lost = len(whole) - int(len(whole) * share)
    # Matroska's segment may be followed by nothing, AVI pads to even sizes.
    assert abs(missing - lost) <= 1


def test_index_at_the_end_is_missed(make_clip, tmp_path):
    whole = make_clip("mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int(len(whole) * 0.9)])
    assert check_completeness(make_clip("mp4")).has_index
    assert not check_completeness(cut).has_index


@pytest.mark.parametrize("name", [b"pdin", b"meta", b"prft", b"xyz "])
def test_a_box_of_any_name_may_come_before_the_index(make_clip, tmp_path, name):
    whole = make_clip("mp4", faststart=True).read_bytes()
    end = int.from_bytes(whole[:4], "big")
    other = tmp_path / "other.mp4"
    other.write_bytes(whole[:end] + (16).to_bytes(4, "big") + name + bytes(8) + whole[end:])
    assert check_completeness(other) == Completeness()
    other.write_bytes(other.read_bytes()[:-100])
    assert check_completeness(other) == Completeness(missing_bytes=100)


def test_where_something_else_than_a_box_follows_it_is_not_known_that_the_index_is_missing(make_clip, tmp_path):
    whole = make_clip("mp4", faststart=True).read_bytes()
    end = int.from_bytes(whole[:4], "big")
    other = tmp_path / "other.mp4"
    other.write_bytes(whole[:end] + bytes(range(128, 160)) + whole[end:])
    assert check_completeness(other).has_index


def test_a_file_that_ends_within_the_header_of_a_box_has_no_index(make_clip, tmp_path):
    whole = make_clip("mp4", faststart=True).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int.from_bytes(whole[:4], "big") + 5])
    assert not check_completeness(cut).has_index


@pytest.mark.parametrize("counted", [0, 8, 16])
def test_pictures_that_no_box_counts_yet_have_no_index(make_clip, tmp_path, counted):
    whole = make_clip("mp4", faststart=True).read_bytes()
    end, data = int.from_bytes(whole[:4], "big"), whole.index(b"mdat") + 4
    unfinished = tmp_path / "unfinished.mp4"
    large = counted == 16
    size = b"\0\0\0\1mdat" + counted.to_bytes(8, "big") if large else counted.to_bytes(4, "big") + b"mdat"
    unfinished.write_bytes(whole[:end] + size + whole[data:])
    assert not check_completeness(unfinished).has_index


@pytest.mark.parametrize("size", range(0, 40, 3))
@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_any_beginning_of_a_file_is_read_without_an_error(make_clip, tmp_path, kind, size):
    cut = tmp_path / "cut"
    cut.write_bytes(make_clip(kind).read_bytes()[:size])
    check_completeness(cut)


def test_other_files_say_nothing(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"\x00" * 100)
    assert check_completeness(other).missing_bytes == 0
