"""Encoded pictures wait before the decoder until one of them is analysed, and are then decoded at once."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median

import pytest
from frames import collect, plays
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.video.probe import PipelineProbe
from monitor.video.rtsp_feed import ClipFeed, PaintedFeed
from monitor.video.sampling import Sampler
from monitor.video.status import DropCause

PICTURE_SECONDS = 0.04
PICTURE_NS = 40_000_000
LONG_SECONDS = 5.0
"""Beyond every wait, also on a busy machine."""


class Stream:
    """25 pictures a second, of which five are analysed, and a decoder's thread that is held."""

    def __init__(self, frames_per_second: float | None = 5.0) -> None:
        self.clock = ManualClock()
        self.probe = PipelineProbe(self.clock, Sampler(frames_per_second))
        self.sent = self.given = 0
        self._threads: list[threading.Thread] = []

    def send(self, pictures: int = 1) -> None:
        """Let pictures arrive, and wait for none of them."""
        for _ in range(pictures):
            self.probe.encoded(self.sent * PICTURE_NS, keyframe=self.sent == 0)
            self.sent += 1
            self.clock.advance(PICTURE_SECONDS)

    def decode(self) -> int:
        """Decode, as the decoder's thread does, the next picture; return its number."""
        number, self.given = self.given, self.given + 1
        self.probe.hold(number * PICTURE_NS)
        self.probe.decoded(number * PICTURE_NS, corrupt=False)
        return number

    def start_to_decode(self) -> threading.Thread:
        """Do so in a thread of its own, which may be held."""
        thread = threading.Thread(target=self.decode, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def hold_second(self, more: int) -> threading.Thread:
        """Decode the first picture, let more arrive, none of them analysed; return the thread that is held."""
        self.send()
        assert self.decode() == 0, "the first picture is analysed, and waits for nothing"
        self.send(more)
        thread = self.start_to_decode()
        assert _is_held(thread)
        return thread

    def end(self) -> None:
        self.probe.close()
        for thread in self._threads:
            thread.join(LONG_SECONDS)
            assert not thread.is_alive()


@pytest.fixture
def make_stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stream]]:
    """Make streams whose pictures are held for so long that nothing but what is tested releases them."""
    monkeypatch.setattr("monitor.video.probe._LONGEST_HOLD_SECONDS", 60.0)
    made: list[Stream] = []

    def make(frames_per_second: float | None = 5.0) -> Stream:
        made.append(Stream(frames_per_second))
        return made[-1]

    yield make
    for stream in made:
        stream.end()


def _is_held(thread: threading.Thread) -> bool:
    thread.join(0.1)
    return thread.is_alive()


def test_pictures_wait_until_one_is_analysed_and_are_then_decoded_without_a_wait(make_stream):
    stream = make_stream()
    thread = stream.hold_second(4)
    stream.send()  # 0.2 s after the first
    thread.join(LONG_SECONDS)
    assert not thread.is_alive()
    assert [stream.decode() for _ in range(4)] == [2, 3, 4, 5]
    assert stream.probe.drops[DropCause.SAMPLING] == 4
    assert stream.probe.pictures == 6


@pytest.mark.parametrize(
    "release",
    [
        lambda stream: stream.probe.close(),
        lambda stream: stream.probe.leave_out_deltas(DropCause.KEYFRAMES_ONLY),
        lambda stream: stream.probe.leave_out_deltas(DropCause.SAMPLING),
    ],
    ids=["end", "overload", "rest"],
)
def test_no_picture_waits_for_one_that_does_not_come(make_stream, release):
    stream = make_stream()
    thread = stream.hold_second(3)
    release(stream)
    thread.join(LONG_SECONDS)
    assert not thread.is_alive()
    assert [stream.decode() for _ in range(2)] == [2, 3], "nor does any later one"


def test_a_change_of_rate_counts_from_the_next_picture_on(make_stream):
    stream = make_stream(0.5)
    thread = stream.hold_second(3)
    stream.probe._sampler.frames_per_second = 25.0
    stream.send()
    thread.join(LONG_SECONDS)
    assert not thread.is_alive()


@pytest.mark.parametrize("frames_per_second", [None, 25.0, 60.0])
def test_where_every_picture_is_analysed_none_waits(make_stream, frames_per_second):
    stream = make_stream(frames_per_second)
    for _ in range(50):
        stream.send()
        stream.decode()
    assert stream.probe.drops[DropCause.SAMPLING] == 0


def test_where_the_analysed_pictures_are_far_apart_all_that_have_arrived_are_decoded_every_now_and_then(monkeypatch):
    stream = Stream(0.5)
    stream.send()
    stream.decode()
    stream.send(7)
    started = time.monotonic()
    assert stream.decode() == 1
    # By the clock that stands still here, the first of them waits for 0.02 s more.
    assert time.monotonic() - started < LONG_SECONDS
    monkeypatch.setattr("monitor.video.probe._LONGEST_HOLD_SECONDS", 60.0)
    for _ in range(6):
        thread = stream.start_to_decode()
        thread.join(LONG_SECONDS)
        assert not thread.is_alive(), "all that had arrived are decoded with the first"
    stream.clock.advance(PICTURE_SECONDS)
    stream.send(2)
    thread = stream.start_to_decode()
    assert _is_held(thread), "the next ones wait again"
    stream.end()


def test_waiting_is_no_lag_but_what_a_slow_decoder_adds_is(make_stream):
    stream = make_stream()
    thread = stream.hold_second(4)
    stream.probe.encoded(5 * PICTURE_NS, keyframe=False)
    thread.join(LONG_SECONDS)
    assert stream.probe.lag_seconds == 0.0
    stream.clock.advance(0.3)
    stream.decode()
    assert stream.probe.lag_seconds == pytest.approx(0.3)
    stream.sent = 6
    stream.send(60)
    for _ in range(3):
        stream.decode()
    assert stream.probe.lag_seconds == pytest.approx(2.7), "the pictures that wait for a slow decoder are late"


def test_a_picture_that_nobody_knows_waits_for_nothing(make_stream):
    stream = make_stream()
    stream.send(3)
    stream.probe.hold(None)
    stream.probe.hold(123)


def decode_groups(monkeypatch, group, slowed=None, **gate):
    """Let 24 groups of pictures arrive, a few ahead of the decoder; return what was decoded and what was analysed."""
    monkeypatch.setattr("monitor.video.probe._LONGEST_HOLD_SECONDS", 0.0)
    clock, sampler = ManualClock(), Sampler(5.0)
    probe = PipelineProbe(clock, sampler)
    decoded, analysed, arrived = [], [], []
    for number in range(24 * group + 10):
        if number == 12 * group and slowed is not None:
            sampler.frames_per_second = slowed
        probe.encoded(number * PICTURE_NS, keyframe=number % group == 0)
        arrived.append(clock.monotonic())
        clock.advance(PICTURE_SECONDS)
        given, is_key = number - 10, (number - 10) % group == 0
        if given < 0:
            continue
        if probe.hold(given * PICTURE_NS, keyframe=is_key, begins_anew=gate.get("begins_anew", True) and is_key):
            decoded.append(given)
            if probe.decoded(given * PICTURE_NS, corrupt=False) is not None:
                analysed.append(given)
    assert probe.pictures == 24 * group
    assert probe.undecoded == probe.pictures - len(decoded)
    return decoded, analysed


def test_the_end_of_a_group_that_no_analysed_picture_needs_is_not_decoded(monkeypatch):
    decoded, analysed = decode_groups(monkeypatch, 27)
    assert analysed == list(range(0, 24 * 27, 5)), "what is analysed stays the same"
    for group in range(6, 24):
        own = [number for number in decoded if number // 27 == group]
        chosen = [number for number in analysed if number // 27 == group]
        # Whole up to the last that is analysed; the very next key frame was not yet there for the first ones.
        assert own == list(range(group * 27, chosen[-1] + 1))


def test_a_slower_bed_is_analysed_at_the_begin_of_each_group_and_the_rest_is_not_decoded(monkeypatch):
    decoded, analysed = decode_groups(monkeypatch, 40, 2.5)
    slow = [number for number in decoded if number >= 14 * 40]
    assert 0.35 * 10 * 40 <= len(slow) <= 0.5 * 10 * 40, "those up to the fourth that is analysed"
    assert len([number for number in analysed if number >= 14 * 40]) == pytest.approx(0.5 * 10 * 40 / 5, abs=2)
    for group in range(14, 24):
        own = [number for number in slow if number // 40 == group]
        assert own == list(range(group * 40, own[-1] + 1)), "each has all that it needs"


def test_a_group_that_is_longer_than_expected_shows_no_picture_and_is_not_taken_for_one_that_does():
    """What follows its last decoded picture cannot be decoded: the camera must count as lost, not as still."""
    clock, sampler = ManualClock(), Sampler(5.0)
    probe = PipelineProbe(clock, sampler)
    sampler.frames_per_second = 2.5
    keys = {*range(0, 14 * 40, 40), 14 * 40 + 200}
    decoded = []
    for number in range(14 * 40 + 230):
        probe.encoded(number * PICTURE_NS, keyframe=number in keys)
        # Beyond the longest hold: a decoder that is behind waits for nothing.
        clock.advance(PICTURE_SECONDS)
        given = number - 10
        if given >= 0 and probe.hold(given * PICTURE_NS, keyframe=given in keys, begins_anew=given in keys):
            decoded.append(given)
            probe.decoded(given * PICTURE_NS, corrupt=False)
        if number == 14 * 40 + 190:
            assert probe.data_seconds - probe.picture_seconds > 4.0
    # The last key frame of the regular ones began the long group.
    assert max(number for number in decoded if number < 14 * 40 + 200) < 13 * 40 + 40
    assert decoded[-20:] == list(range(14 * 40 + 200, 14 * 40 + 220)), "whole again from the next key frame on"


@pytest.mark.parametrize("slowed", [None, 2.5])
def test_nothing_is_left_out_where_later_pictures_may_need_it(monkeypatch, slowed):
    decoded, _ = decode_groups(monkeypatch, 40, slowed, begins_anew=False)
    assert decoded == list(range(24 * 40))


@given(
    rate=st.floats(0.2, 60.0),
    interval_seconds=st.floats(0.008, 1.0),
    jitter=st.lists(st.floats(-0.4, 0.4), min_size=2, max_size=60),
    changed_rate=st.none() | st.floats(0.2, 60.0),
)
def test_what_would_be_due_is_what_is_due_where_the_rate_is_known(rate, interval_seconds, jitter, changed_rate):
    asked, other = Sampler(rate), Sampler(rate)
    for number, shift in enumerate(jitter):
        if changed_rate is not None and number == len(jitter) // 2:
            asked.frames_per_second = other.frames_per_second = changed_rate
        time_seconds = 100.0 + (number + shift) * interval_seconds
        for ahead in range(4):
            asked.would_be_due(time_seconds + ahead * interval_seconds)
        # The interval between pictures, by which a picture is the nearest, is known with the picture itself.
        asked.skip(time_seconds)
        other.skip(time_seconds)
        expected = asked.would_be_due(time_seconds)
        is_due = asked.due(time_seconds)
        assert is_due == other.due(time_seconds), "asking changes nothing"
        assert expected or not is_due, "what is analysed releases what waits for it"


def test_a_camera_is_decoded_in_bursts(make_camera, serve, noise, eventually, monkeypatch):
    given_seconds: list[float] = []
    decoded = PipelineProbe.decoded

    def note(probe: PipelineProbe, pts_ns: int | None, *, corrupt: bool) -> int | None:
        given_seconds.append(time.monotonic())
        return decoded(probe, pts_ns, corrupt=corrupt)

    monkeypatch.setattr(PipelineProbe, "decoded", note)
    camera = make_camera(serve(PaintedFeed(noise(), (320, 240), 30.0)).url("/bed"), 5.0)
    eventually(plays(camera, 5))
    given_seconds.clear()
    frames = collect(camera, 3.0)
    pictures, pauses = len(given_seconds), [later - one for one, later in pairwise(given_seconds)]
    assert len(frames) >= 6
    # At 30 pictures/s, pictures that came one by one would each follow the last one after some 33 ms.
    assert sum(pause < 0.012 for pause in pauses) >= pictures / 2
    assert camera.stop()


def test_each_of_two_cameras_keeps_its_rate_also_with_b_pictures(make_camera, serve, noise, make_clip, eventually):
    """A decoder gives B pictures' followers later than they arrive: what is analysed comes out after its release."""
    feeds = [ClipFeed(make_clip("mkv")), PaintedFeed(noise(), (320, 240), 30.0)]
    cameras = [make_camera(serve(feed).url("/bed"), 5.0) for feed in feeds]
    for camera in cameras:
        eventually(plays(camera, 5))
    before = [camera.status() for camera in cameras]
    time.sleep(4.0)
    for camera, former in zip(cameras, before, strict=True):
        status = camera.status()
        pictures, frames = status.pictures - former.pictures, status.frames - former.frames
        # A busy machine serves fewer pictures; of those that come, one in six is analysed.
        assert 0.7 * pictures / 6 <= frames <= 1.3 * 20
        assert status.drops[DropCause.QUEUE] == 0
        assert status.reconnects == 0
        assert not status.overloaded


def test_a_camera_of_a_slower_bed_decodes_less_and_is_back_at_once(make_camera, serve, noise, eventually):
    feed = PaintedFeed(noise(), (320, 240), 30.0, key_frame_seconds=1.5)
    camera = make_camera(serve(feed).url("/bed"), 5.0)
    eventually(plays(camera, 45))
    camera.frames_per_second = 2.5
    collect(camera, 2.0)
    before = camera.status()
    frames = collect(camera, 6.0)
    after = camera.status()
    pictures = after.pictures - before.pictures
    decoded = pictures - (after.undecoded - before.undecoded)
    assert decoded <= 0.75 * pictures, "about half, and what a busy machine's pauses add"
    assert len(frames) >= 0.7 * pictures / 12
    assert median(age for _, age in frames) < 0.3, "none waits for the next group"
    assert max(later.time_seconds - one.time_seconds for (one, _), (later, _) in pairwise(frames)) < 1.6
    camera.frames_per_second = 5.0
    collect(camera, 1.6)
    assert len(collect(camera, 3.0)) >= 10
    assert camera.status().reconnects == 0


def test_of_a_stream_with_b_pictures_a_slower_bed_leaves_no_end_out(make_camera, serve, make_clip, eventually):
    """Its decoder gives a picture only when it has the next: the last one before an end would come too late."""
    camera = make_camera(serve(ClipFeed(make_clip("mkv"))).url("/bed"), 5.0)
    eventually(plays(camera, 30))
    camera.frames_per_second = 2.0
    collect(camera, 2.0)
    frames = collect(camera, 6.0)
    assert len(frames) >= 8
    assert max(later.time_seconds - one.time_seconds for (one, _), (later, _) in pairwise(frames)) < 0.9
    assert camera.stop()
