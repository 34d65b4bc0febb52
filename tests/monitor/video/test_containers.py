import pytest

from monitor.video.containers import check_completeness


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
