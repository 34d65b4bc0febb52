"""A calm bed rests on its camera's key frames, where they are frequent and come out of the decoder at once."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.video.decode_governor import DecodeChoice
from monitor.video.probe import PipelineProbe
from monitor.video.sampling import Sampler
from monitor.video.status import DropCause

PICTURE_SECONDS = 1 / 30
PICTURE_NS = 1_000_000_000 // 30


class Stream:
    """A camera's encoded pictures and the choice which of them are decoded.

    Args:
        key_frame_pictures: From one key frame to the next.
        held_back: Whether the decoder gives a picture only when the next one comes.
    """

    def __init__(self, key_frame_pictures: int, *, held_back: bool = False) -> None:
        self.clock = ManualClock()
        self.choice = DecodeChoice("bed-1")
        self.key_frame_pictures, self.held_back = key_frame_pictures, held_back
        self.connect()

    def connect(self) -> None:
        self.probe = PipelineProbe(self.clock, Sampler(5.0))
        self.numbers = itertools.count()
        self.waiting: list[int] = []

    def play(self, seconds: float) -> list[bool]:
        """Return for each picture that the decoder was given whether it was a key frame."""
        given_ = []
        for _ in range(round(seconds / PICTURE_SECONDS)):
            number = next(self.numbers)
            is_key = number % self.key_frame_pictures == 0
            if self.probe.encoded(number * PICTURE_NS, keyframe=is_key):
                given_.append(is_key)
                self.waiting.append(number)
                while len(self.waiting) > self.held_back:
                    self.probe.decoded(self.waiting.pop(0) * PICTURE_NS, corrupt=False)
            self.clock.advance(PICTURE_SECONDS)
            self.choice.update(self.clock.monotonic(), self.probe)
        return given_


def test_a_resting_camera_decodes_key_frames_only_and_every_picture_again_from_the_next_one_on():
    stream = Stream(30)
    assert len(stream.play(10.0)) == 300
    stream.choice.may_rest = True
    resting = stream.play(20.5)
    assert sum(resting) == 21
    assert len(resting) <= sum(resting) + 1
    assert not stream.choice.is_overloaded
    assert stream.probe.drops[DropCause.KEYFRAMES_ONLY] == 0
    stream.choice.may_rest = False
    again = stream.play(1.0)
    # Half a second before the next key frame, which everything follows.
    assert again[0]
    assert 14 <= len(again) <= 16
    assert len(stream.play(5.0)) == 150
    # What was left out was not wanted: each picture is counted once.
    assert stream.probe.pictures == next(stream.numbers)


@pytest.mark.parametrize("key_frame_pictures", [45, 60, 300])
def test_a_camera_with_rare_key_frames_never_rests(key_frame_pictures):
    stream = Stream(key_frame_pictures)
    stream.choice.may_rest = True
    assert len(stream.play(40.0)) == 1200


def test_a_camera_whose_key_frames_become_rare_rests_no_more():
    stream = Stream(15)
    stream.choice.may_rest = True
    stream.play(20.0)
    assert stream.probe.left_out_as is DropCause.SAMPLING
    stream.key_frame_pictures = 90
    stream.play(6.0)
    assert stream.probe.left_out_as is None
    assert len(stream.play(30.0)) == 900


def test_a_decoder_that_holds_pictures_back_is_given_every_picture():
    stream = Stream(30, held_back=True)
    stream.choice.may_rest = True
    stream.play(20.0)
    assert stream.probe.left_out_as is None
    assert len(stream.play(30.0)) == 900
    assert not stream.choice.is_overloaded
    # Another connection may have another encoder.
    stream.held_back = False
    stream.connect()
    stream.play(10.0)
    assert stream.probe.left_out_as is DropCause.SAMPLING


def test_a_rest_hides_no_decoder_that_does_not_keep_up():
    stream = Stream(30)
    stream.choice.may_rest = True
    stream.play(20.0)
    stream.probe.lag_seconds = 2.0
    for _ in range(60):
        stream.clock.advance(PICTURE_SECONDS)
        stream.choice.update(stream.clock.monotonic(), stream.probe)
    assert stream.choice.is_overloaded
    assert stream.probe.left_out_as is DropCause.KEYFRAMES_ONLY


class Station:
    """Lets a camera turn to key frames and not back, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []
        self.intervals: list[float] = []

    def register(self, camera_id: str) -> None:
        self.asked.append((camera_id, 0.0))

    def may_shed(self, camera_id: str, now_seconds: float) -> bool:
        self.asked.append((camera_id, now_seconds))
        return True

    def must_shed(self, camera_id: str, now_seconds: float, keyframe_interval_seconds: float) -> bool:
        self.asked.append((camera_id, now_seconds))
        self.intervals.append(keyframe_interval_seconds)
        return False

    def may_return(self, camera_id: str, now_seconds: float) -> bool:
        self.asked.append((camera_id, now_seconds))
        return False


def test_key_frames_every_two_seconds_are_enough_under_overload_although_the_network_jitters():
    clock, station = ManualClock(), Station()
    probe, choice = PipelineProbe(clock, Sampler(5.0)), DecodeChoice("bed-1", station)
    for number in range(12):
        clock.advance(1.4 if number % 2 else 2.6)
        probe.encoded(number * 2_000_000_000, keyframe=True)
        choice.update(clock.monotonic(), probe)
    assert set(station.intervals) == {2.0}
    probe.lag_seconds = 3.0
    for _ in range(3):
        clock.advance(0.5)
        choice.update(clock.monotonic(), probe)
    assert choice.is_overloaded
    probe.lag_seconds = 0.0
    clock.advance(1000.0)
    choice.update(clock.monotonic(), probe)
    assert choice.is_overloaded, "the station has not agreed yet"
    assert station.asked[-1] == ("bed-1", clock.monotonic())


@pytest.mark.parametrize("stamps_ns", [[5, 5, 5, 5], [9, 8, 7, 6], [None] * 4, [0, 10**12, 2 * 10**12]])
def test_time_stamps_that_cannot_be_right_do_not_decide_how_frequent_key_frames_are(stamps_ns):
    clock = ManualClock()
    probe = PipelineProbe(clock, Sampler(5.0))
    for pts_ns in stamps_ns:
        clock.advance(3.0)
        probe.encoded(pts_ns, keyframe=True)
    assert probe.keyframe_interval_seconds == pytest.approx(3.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 4.0)), max_size=20), st.integers(1, 40))
def test_no_picture_is_decoded_without_those_that_it_needs(turns, key_frame_pictures):
    stream = Stream(key_frame_pictures)
    given_numbers = []
    encoded = stream.probe.encoded

    def note(pts_ns, *, keyframe):
        is_given = encoded(pts_ns, keyframe=keyframe)
        if is_given:
            given_numbers.append(pts_ns // PICTURE_NS)
        return is_given

    stream.probe.encoded = note
    stream.play(8.0)
    for may_rest, seconds in turns:
        stream.choice.may_rest = may_rest
        stream.play(seconds)
    known = set(given_numbers)
    assert all(number % key_frame_pictures == 0 or number - 1 in known for number in known)
    newest = next(stream.numbers) - 1
    assert newest - max(known) < max(key_frame_pictures, 1)
