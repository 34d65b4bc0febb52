"""Which profile a station should take, and what a running camera could do without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cameras.profiles import ENOUGH_FACE_PX, FaceShare, VideoProfile, advise, propose


def profile(token, width, rate=25.0, gop=50, codec="H.264"):
    height = width * 9 // 16
    return VideoProfile(token, token, f"enc-{token}", codec, (width, height), rate, gop, 2000, f"rtsp://c/{token}")


THREE = [profile("large", 1920), profile("middle", 1280), profile("small", 640, rate=10.0, gop=10)]


@pytest.mark.parametrize(
    ("face", "token"),
    [
        (None, "middle"),
        (FaceShare(240, 1920), "small"),
        (FaceShare(239, 1920), "middle"),
        (FaceShare(90, 1920), "large"),
    ],
)
def test_the_smallest_picture_that_shows_the_face_is_proposed(face, token):
    found = propose(THREE, face)
    assert found.profile is not None
    assert found.profile.token == token


def test_a_face_that_is_small_everywhere_takes_the_largest_picture_and_says_so():
    found = propose(THREE, FaceShare(60, 1920))
    assert found.profile is not None
    assert found.profile.name == "large"
    assert "60 px even here" in found.reason


def test_what_a_profile_could_be_set_to_is_proposed_with_what_it_saves():
    found = propose([profile("large", 1920)], FaceShare(320, 1920), [(640, 360), (640, 480), (1920, 1080)])
    assert found.changes == ("--frames-per-second 10", "--size 640x360", "--gop 10")
    assert found.saving == pytest.approx(1 - (640 * 360 * 10) / (1920 * 1080 * 25))


def test_profiles_without_an_encoder_or_of_another_codec_are_none():
    assert propose([VideoProfile("sound"), profile("old", 1280, codec="MPEG4")]).profile is None


def test_a_profile_that_is_too_slow_for_the_analysis_is_not_taken():
    found = propose([profile("slow", 640, rate=1.0), profile("fast", 1920)], FaceShare(300, 1920))
    assert found.profile is not None
    assert found.profile.name == "fast"


@given(
    widths=st.lists(st.integers(320, 4096), min_size=1, max_size=6),
    rates=st.lists(st.sampled_from([1.0, 5.0, 10.0, 25.0]), min_size=6, max_size=6),
    face_px=st.floats(10.0, 1000.0),
)
def test_no_profile_that_shows_the_face_costs_less(widths, rates, face_px):
    listed = [profile(f"p{number}", width, rates[number]) for number, width in enumerate(widths)]
    face = FaceShare(face_px, max(widths))
    best = propose(listed, face).profile
    assert best is not None
    assert best.size_px is not None
    better = [
        one
        for one in listed
        if one.size_px is not None
        and one.frames_per_second >= 5.0
        and face.in_width(one.size_px[0]) >= ENOUGH_FACE_PX
        and one.pixels_per_second < best.pixels_per_second
    ]
    assert better == [] or (best.frames_per_second < 5.0 and not better)


@given(
    width=st.integers(320, 4096),
    face_px=st.none() | st.floats(10.0, 2000.0),
    rate=st.none() | st.floats(0.5, 120.0),
    keyframe_seconds=st.none() | st.floats(0.01, 60.0),
)
def test_advice_never_makes_the_face_too_small_nor_speaks_of_what_is_well(width, face_px, rate, keyframe_seconds):
    advice = " ".join(advise((width, width * 9 // 16), rate, keyframe_seconds, face_px))
    if "would keep" in advice:
        assert face_px is not None
        assert float(advice.split("would keep ")[1].split(" px")[0]) >= ENOUGH_FACE_PX
    assert ("pictures/s" in advice) == (rate is not None and rate > 12.0)
    assert ("key frame" in advice) == (keyframe_seconds is not None and keyframe_seconds > 2.2)
    assert ("bring the camera nearer" in advice) == (face_px is not None and face_px < ENOUGH_FACE_PX)


def test_half_the_size_and_rate_are_said_with_what_they_save():
    advice = advise((1920, 1080), 25.0, 5.0, 240.0)
    assert advice == [
        "the face is 240 px wide: 640 x 360 would keep 80 px and save 89% of the decoding",
        "25 pictures/s, and 10 are enough: that would save 60% of the decoding",
        "a key frame every 5.0 s: after a loss the bed cannot be seen for so long; set one every second or two",
    ]
    assert advise((640, 360), 10.0, 1.0, 100.0) == []
