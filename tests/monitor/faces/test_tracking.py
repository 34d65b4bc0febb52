import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.faces.geometry import Face, OrientedBox
from monitor.faces.tracking import Tracker


def face(x: float, y: float = 100.0, size: float = 60.0) -> Face:
    return Face(OrientedBox(x, y, size, size, 0.0), np.zeros((5, 2)), 0.9)


def step(tracker: Tracker, faces: list[Face], now: float) -> list[int]:
    """Return the track of each face after one frame."""
    tracker.begin_frame(now)
    pairs, rest = tracker.match([each.box for each in faces], tracker.tracks, now)
    ids: dict[int, int] = {}
    for track, index in pairs:
        tracker.update(track, faces[index], now)
        ids[index] = track.track_id
    for index in rest:
        track = tracker.start(faces[index], now)
        ids[index] = track.track_id if track else 0
    return [ids[index] for index in range(len(faces))]


@given(st.sampled_from([2.0, 5.0, 10.0, 25.0]), st.floats(0.0, 0.9), st.integers(0, 1000))
def test_two_moving_faces_keep_their_tracks_at_any_rate(rate, speed, seed):
    # Heads that move up to 0.9 of their size a second, detections that jitter and sometimes miss.
    random = np.random.default_rng(seed)
    tracker = Tracker(lost_seconds=2.0, maximum_tracks=16)
    seen: list[set[int]] = [set(), set()]
    last = [0.0, 0.0]
    for count in range(int(8 * rate)):
        now = count / rate
        way = 60 * speed * (now if now < 4 else 8 - now)
        faces = [face(100 + way + random.normal(0, 2)), face(400 - way / 2 + random.normal(0, 2), 300)]
        present = [index for index in (0, 1) if count == 0 or now - last[index] >= 1.0 or random.random() > 0.15]
        for index, track_id in zip(present, step(tracker, [faces[i] for i in present], now), strict=True):
            seen[index].add(track_id)
            last[index] = now
    assert seen == [{1}, {2}]


@given(st.lists(st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 1000)), max_size=12), max_size=25))
def test_tracks_are_bounded_unique_and_the_same_every_time(frames):
    def run() -> list[list[int]]:
        tracker = Tracker(lost_seconds=2.0, maximum_tracks=4)
        result = []
        for count, positions in enumerate(frames):
            result.append(step(tracker, [face(x, y) for x, y in positions], count / 5))
            assert len(tracker.tracks) <= 4
            living = [track.track_id for track in tracker.tracks]
            assert living == sorted(set(living))
        return result

    assert run() == run()


def test_a_track_ends_after_seconds_and_not_after_frames():
    for rate in (2.0, 25.0):
        tracker = Tracker(lost_seconds=2.0, maximum_tracks=4)
        step(tracker, [face(100)], 0.0)
        times = np.arange(1, int(4 * rate)) / rate
        alive = [bool((tracker.begin_frame(now), tracker.tracks)[1]) for now in times]
        assert all(alive[i] == (times[i] <= 2.0) for i in range(len(times)))


def test_time_in_which_nobody_searched_does_not_end_a_track():
    # An overloaded machine analyses a bed every 4 s: its face is still the same after one frame that missed it.
    tracker = Tracker(lost_seconds=2.0, maximum_tracks=4)
    assert step(tracker, [face(100)], 0.0) == step(tracker, [face(102)], 4.0) == [1]
    assert step(tracker, [], 8.0) == []
    assert step(tracker, [face(104)], 12.0) == [1]
    for now in (16.0, 20.0, 24.0):
        assert step(tracker, [], now) == []
    assert step(tracker, [face(104)], 28.0) == [2], "it was searched for three times in vain"


def test_after_a_long_time_without_any_frame_a_face_is_another_one():
    tracker = Tracker(lost_seconds=2.0, maximum_tracks=4)
    assert step(tracker, [face(100)], 0.0) == [1]
    assert step(tracker, [face(100)], 40.0) == [2]


def test_a_face_elsewhere_or_of_another_size_is_another_one():
    tracker = Tracker(2.0, 8)
    assert step(tracker, [face(100)], 0.0) == [1]
    assert step(tracker, [face(300)], 0.2) == [2]
    assert step(tracker, [face(100, size=200.0)], 0.4) == [3]


def test_the_nearest_face_takes_the_track():
    tracker = Tracker(2.0, 8)
    step(tracker, [face(100)], 0.0)
    assert step(tracker, [face(130), face(104)], 0.2) == [2, 1]


def test_when_there_are_too_many_the_stalest_gives_way_but_never_one_seen_now():
    tracker = Tracker(10.0, 2)
    step(tracker, [face(100)], 0.0)
    step(tracker, [face(400)], 1.0)
    assert step(tracker, [face(700)], 2.0) == [3]
    assert [track.track_id for track in tracker.tracks] == [2, 3]
    assert step(tracker, [face(400), face(700), face(1000)], 3.0) == [2, 3, 0]


def test_a_second_detection_in_one_frame_counts_once():
    tracker = Tracker(2.0, 8)
    step(tracker, [face(100)], 0.0)
    (track,) = tracker.tracks
    tracker.update(track, face(101), 0.2)
    tracker.update(track, face(102), 0.2)
    assert (track.frames_seen, track.face.box.center_x_px) == (2, 102)
