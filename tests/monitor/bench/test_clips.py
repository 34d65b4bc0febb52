"""The benchmark's own clips."""

from itertools import pairwise

import numpy as np
import pytest

from monitor.bench.clips import draw_clip
from monitor.video.gst import gstreamer
from monitor.video.picture_references import HEADER_BYTES, ReferenceReader
from monitor.video.reader import open_video
from monitor.video.writer import CameraEncoding

Gst = gstreamer()
SECONDS = 0.8


def test_the_camera_like_clip_is_encoded_as_a_camera_does(tmp_path):
    """High profile, the bit rate and key frames asked for, and noise that the encoder kept."""
    paths = {name: tmp_path / f"{name}.mp4" for name in ("clean", "camera")}
    draw_clip(paths["clean"], 720, 0.3)
    draw_clip(paths["camera"], 720, SECONDS, CameraEncoding(key_frame_pictures=8))

    pipeline = Gst.parse_launch(
        f"filesrc location={paths['camera']} ! qtdemux ! h264parse ! "
        "video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=sink sync=false"
    )
    sink, reader = pipeline.get_by_name("sink"), ReferenceReader()
    pipeline.set_state(Gst.State.PLAYING)
    caps, key_frames, needless, count = None, [], 0, 0
    while (sample := sink.try_pull_sample(10 * Gst.SECOND)) is not None:
        buffer = sample.get_buffer()
        if caps is None:
            caps = sample.get_caps()
            reader.take_caps(caps)
        if not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT):
            key_frames.append(count)
        needless += reader.is_unreferenced(buffer.extract_dup(0, HEADER_BYTES))
        count += 1
    pipeline.set_state(Gst.State.NULL)

    assert caps.get_structure(0).get_string("profile") == "high"
    assert key_frames == [0, 8, 16]
    assert needless == 0
    kbit_per_second = paths["camera"].stat().st_size * 8 / 1000 / SECONDS
    assert 2500 < kbit_per_second < 6500

    changes = {}
    for name, path in paths.items():
        with open_video(path, 5.0) as video:
            pictures = [frame.image[::4, ::4][..., 1].astype(int) for frame in video]
        changes[name] = float(np.mean([np.abs(one - other).mean() for one, other in pairwise(pictures)]))
    assert changes["camera"] > changes["clean"] + 0.5


def test_a_repeated_clip_has_no_seam(tmp_path):
    """Beds whose infants jump at every repetition cost more than infants do, all at the same moment."""
    path = tmp_path / "clip.mp4"
    draw_clip(path, 360, 4.0)
    with open_video(path, 30.0) as video:
        pictures = [np.asarray(frame.image).astype(int) for frame in video]
    steps = [float(np.abs(one - other).mean()) for one, other in pairwise([*pictures, pictures[0]])]
    assert len(pictures) == 120
    # The first picture is a key frame, which is encoded otherwise than what comes before it.
    assert steps[-1] <= 1.25 * max(steps[49], steps[99])


def test_a_camera_that_was_asked_for_fewer_pictures_keeps_their_quality(tmp_path):
    """What such a camera sends takes less of the network, not the same for dearer pictures."""
    sizes = {}
    for rate in (30.0, 10.0):
        path = tmp_path / f"{rate}.mp4"
        draw_clip(path, 360, 2.4, CameraEncoding(kbit_per_second=1000, key_frame_pictures=24), pictures_per_second=rate)
        with open_video(path, 60.0) as video:
            times = [frame.time_seconds for frame in video]
        assert np.diff(times) == pytest.approx(1.0 / rate, abs=1e-3)
        sizes[rate] = path.stat().st_size / len(times)
    assert sizes[10.0] == pytest.approx(sizes[30.0], rel=0.25)
