"""Where a stream is analysed less often than in the ordinary case, the first pictures of each group are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.video.group_choice import LONGEST_GAP_SECONDS
from monitor.video.picture_groups import PictureGroups
from monitor.video.probe import PipelineProbe
from monitor.video.sampling import Sampler

FULL = 5.0
INTERVAL = 0.04


def choose(sampler, group_pictures, groups, jitter=(0.0,), longest_seconds=None):
    """Return the times of the chosen pictures, and how many a decoder needs for them."""
    chosen, needed = [], 0
    for group in range(groups):
        last = None
        for position in range(group_pictures):
            number = group * group_pictures + position
            time_seconds = 100.0 + (number + jitter[number % len(jitter)]) * INTERVAL
            if position == 0:
                sampler.begin_group(time_seconds, longest_seconds or group_pictures * INTERVAL)
            if sampler.due(time_seconds):
                chosen.append(time_seconds)
                last = position
            else:
                assert not sampler.is_group_done(time_seconds) or last is None or last < position
        needed += 1 if last is None else last + 1
    return chosen, needed


@given(
    rate=st.floats(1.0, 4.9),
    group_pictures=st.integers(25, 55),
    phase=st.none() | st.floats(0.0, 0.99),
    jitter=st.lists(st.floats(-0.4, 0.4), min_size=1, max_size=60),
)
def test_the_rate_holds_no_gap_is_long_and_fewer_pictures_are_decoded(rate, group_pictures, phase, jitter):
    sampler, groups = Sampler(FULL, phase), 30
    sampler.frames_per_second = rate
    chosen, needed = choose(sampler, group_pictures, groups, jitter)
    length_seconds = group_pictures * INTERVAL
    wanted = rate * length_seconds * groups
    fewest = 2 * groups if length_seconds > LONGEST_GAP_SECONDS else groups
    assert wanted * 0.9 - 3 <= len(chosen) <= max(wanted, fewest) * 1.1 + 3
    longest = max(later - sooner for sooner, later in pairwise(chosen))
    assert longest <= max(LONGEST_GAP_SECONDS, 1.0 / rate) + 2.5 * INTERVAL
    # Up to the last chosen one: the share of the rate, or what keeps the gap short.
    share = max(rate / FULL, (length_seconds - LONGEST_GAP_SECONDS) / length_seconds)
    assert needed <= (share * group_pictures + 3) * groups


@given(
    group_pictures=st.integers(25, 55),
    rates=st.lists(st.tuples(st.integers(1, 40), st.floats(1.0, 5.0)), min_size=1, max_size=20),
)
def test_no_gap_is_long_however_the_rate_changes(group_pictures, rates):
    sampler, chosen, number = Sampler(FULL), [], 0
    for pictures, rate in rates:
        sampler.frames_per_second = rate
        for _ in range(pictures):
            time_seconds = number * INTERVAL
            if number % group_pictures == 0:
                sampler.begin_group(time_seconds, group_pictures * INTERVAL)
            if sampler.due(time_seconds):
                chosen.append(time_seconds)
            number += 1
    chosen.append(number * INTERVAL)
    longest = max(later - sooner for sooner, later in pairwise(chosen))
    assert longest <= LONGEST_GAP_SECONDS + 2.5 * INTERVAL


def test_half_the_rate_needs_half_the_pictures():
    sampler = Sampler(FULL)
    sampler.frames_per_second = FULL / 2
    chosen, needed = choose(sampler, 50, 20)
    assert len(chosen) == pytest.approx(100, abs=2)
    assert needed <= 0.5 * 50 * 20
    assert len([1 for sooner, later in pairwise(chosen) if later - sooner > 0.6]) == 19, "one gap a group"


@pytest.mark.parametrize(("group_pictures", "known"), [(50, None), (5, 0.2)], ids=["unknown", "short"])
def test_pictures_are_spread_evenly_where_groups_are_not_known_or_hold_less_than_one(group_pictures, known):
    sampler = Sampler(FULL)
    sampler.frames_per_second = 2.0
    times = [number * INTERVAL for number in range(500)]
    chosen = []
    for number, time_seconds in enumerate(times):
        if number % group_pictures == 0:
            sampler.begin_group(time_seconds, known)
        if sampler.due(time_seconds):
            chosen.append(time_seconds)
    assert len(chosen) == 40
    assert max(later - sooner for sooner, later in pairwise(chosen)) <= 0.5 + INTERVAL


@given(phase=st.none() | st.floats(0.0, 0.99))
def test_the_ordinary_rate_knows_no_groups(phase):
    with_groups, without = Sampler(FULL, phase), Sampler(FULL, phase)
    for number in range(300):
        time_seconds = number * INTERVAL
        if number % 50 == 0:
            with_groups.begin_group(time_seconds, 50 * INTERVAL)
        assert with_groups.due(time_seconds) == without.due(time_seconds)
        assert not with_groups.is_group_done(time_seconds)


@given(changed=st.integers(0, 49))
def test_back_at_the_ordinary_rate_the_next_picture_is_within_a_period(changed):
    sampler = Sampler(FULL)
    sampler.frames_per_second = 1.5
    choose(sampler, 50, 4)
    now = 100.0 + 200 * INTERVAL
    sampler.begin_group(now, 50 * INTERVAL)
    for number in range(changed):
        sampler.due(now + number * INTERVAL)
    sampler.frames_per_second = FULL
    after = [number for number in range(changed, changed + 25) if sampler.due(now + number * INTERVAL)]
    assert after[0] <= changed + 5
    assert max(later - sooner for sooner, later in pairwise(after)) <= 6


def test_a_lower_rate_counts_within_the_group():
    sampler = Sampler(FULL)
    sampler.frames_per_second = 4.5
    sampler.begin_group(0.0, 2.0)
    chosen = 0
    for number in range(50):
        if number == 10:
            sampler.frames_per_second = 1.5
        chosen += sampler.due(number * INTERVAL)
    assert chosen == 4, "two of nine, and a third of the seven that were left"


def test_the_choice_by_groups_ends_where_no_key_frame_comes():
    sampler = Sampler(FULL)
    sampler.frames_per_second = 2.0
    choose(sampler, 50, 5)
    later = [110.0 + number * INTERVAL for number in range(200)]
    chosen = [time_seconds for time_seconds in later if sampler.due(time_seconds)]
    assert chosen[0] <= 110.0 + 4.0
    assert max(after - before for before, after in pairwise(chosen)) <= 0.5 + INTERVAL


def begin(groups, lengths, **known):
    now = 0.0
    for length in lengths:
        groups.begin(now, **{"begins_anew": True, "was_prompt": True, **known})
        now += length
    groups.begin(now, **{"begins_anew": True, "was_prompt": True, **known})
    return now


def test_the_longest_of_the_last_groups_is_what_is_waited_for():
    groups = PictureGroups()
    assert groups.longest_seconds is None
    begin(groups, [1.6, 1.6, 1.3])
    assert groups.longest_seconds is None, "too few to know"
    groups = PictureGroups()
    begin(groups, [1.6, 1.6, 1.3, 1.6, 1.6])
    assert groups.longest_seconds == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("lengths", "known"),
    [
        ([3.0] * 8, {}),
        ([1.0] * 8, {"begins_anew": False}),
        ([1.0] * 8, {"was_prompt": False}),
        ([1.0, 1.0, 1.0, 1.0, -5.0, 1.0], {}),
    ],
    ids=["long", "open", "decoder that holds back", "time stamps that jump"],
)
def test_no_end_is_left_out_where_that_is_not_safe(lengths, known):
    groups = PictureGroups()
    begin(groups, lengths, **known)
    assert groups.longest_seconds is None


def test_after_each_surprise_twice_as_many_groups_must_be_as_expected():
    groups, now = PictureGroups(), 0.0
    waited = []
    for _ in range(4):
        count = 0
        while groups.longest_seconds is None:
            groups.begin(now, begins_anew=True, was_prompt=True)
            now, count = now + 1.0, count + 1
        waited.append(count)
        now += 2.0  # the camera lengthens a group
        groups.begin(now, begins_anew=True, was_prompt=True)
        assert groups.longest_seconds is None
        now += 1.0
    assert waited == [5, 8, 16, 32]


def test_what_was_learned_outlives_the_stream():
    """A group so long that the camera counts as lost ends with a new connection, and was never seen to its end."""
    groups = PictureGroups()
    begin(groups, [1.0] * 6)
    assert groups.longest_seconds == pytest.approx(1.0)
    groups.end_in_tail(6.0)
    assert groups.longest_seconds is None
    groups.begin_stream()
    begin(groups, [1.0] * 6)
    assert groups.longest_seconds is None, "twice as many are needed"
    begin(groups, [1.0] * 9)
    assert groups.longest_seconds == pytest.approx(1.0)


def test_a_stream_that_ends_before_its_key_frame_is_due_is_no_surprise():
    groups = PictureGroups()
    begin(groups, [1.0] * 6)
    groups.end_in_tail(0.9)
    groups.begin_stream()
    assert groups.longest_seconds is None, "another stream may have other groups"
    begin(groups, [2.0] * 5)
    assert groups.longest_seconds == pytest.approx(2.0)


class _Slowed:
    """A camera with groups of two seconds, analysed twice a second, as its probe sees it."""

    def __init__(self):
        self.clock, self.groups = ManualClock(), PictureGroups()
        self.sampler = Sampler(FULL)
        self.sampler.frames_per_second = 2.0
        self.connect()

    def connect(self):
        self.probe, self.number = PipelineProbe(self.clock, self.sampler, self.groups), 0

    def send(self, pictures, *, key_every=50):
        """Let pictures arrive, and the decoder find all of them there."""
        numbers = range(self.number, self.number + pictures)
        for number in numbers:
            self.probe.encoded(self._pts_ns(number), keyframe=number % key_every == 0)
            self.clock.advance(INTERVAL)
        for number in numbers:
            keyframe = number % key_every == 0
            if self.probe.hold(self._pts_ns(number), keyframe=keyframe, begins_anew=keyframe):
                self.probe.decoded(self._pts_ns(number), corrupt=False)
        self.number += pictures

    def _pts_ns(self, number):
        return int(number * INTERVAL * 1e9)


def test_the_end_of_a_group_is_awaited_and_an_overdue_key_frame_is_not():
    camera = _Slowed()
    camera.send(50 * 8 + 5)
    assert not camera.probe.awaits_key_frame, "pictures are still decoded"
    camera.send(40)
    assert camera.probe.awaits_key_frame
    camera.send(20, key_every=10_000)
    assert not camera.probe.awaits_key_frame, "it should have come"


def test_a_camera_whose_long_groups_end_in_a_new_connection_is_relied_on_less_each_time():
    camera, waited = _Slowed(), []
    for _ in range(3):
        before = camera.probe.undecoded
        groups = 0
        while camera.probe.undecoded == before:
            camera.send(50)
            groups += 1
        waited.append(groups)
        camera.send(150, key_every=10_000)
        camera.probe.close()
        camera.connect()
    assert waited[0] < 8
    assert waited[1] >= 8
    assert waited[2] >= 16
