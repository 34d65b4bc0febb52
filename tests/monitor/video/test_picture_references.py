"""Pictures that no other needs are left out before the decoder, and the others come out as if nothing were missing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.video.gst import gstreamer
from monitor.video.picture_references import HEADER_BYTES, KEY_HEADER_BYTES, ReferenceRate, ReferenceReader
from monitor.video.reader import open_video
from monitor.video.rtsp_feed import ClipFeed
from monitor.video.sampling import Sampler
from monitor.video.status import DropCause

Gst = gstreamer()

_X264 = "x264enc speed-preset=veryfast bitrate=1500 key-int-max=25"
_X265 = "x265enc speed-preset=ultrafast bitrate=1500 key-int-max=25"
# Encoder, parser and form of the stream.
STREAMS = {
    "B pictures": (f"{_X264} bframes=2 b-pyramid=false", "h264parse", "video/x-h264,stream-format=avc"),
    "byte stream": (f"{_X264} bframes=2 b-pyramid=false", "h264parse", "video/x-h264,stream-format=byte-stream"),
    "pyramid": (f"{_X264} bframes=3 b-pyramid=true b-adapt=false", "h264parse", "video/x-h264,stream-format=avc"),
    "slices": (f"{_X264} bframes=2 option-string=slices=4", "h264parse", "video/x-h264,stream-format=byte-stream"),
    "H.265": (f"{_X265} option-string=bframes=3:b-adapt=0", "h265parse", "video/x-h265,stream-format=byte-stream"),
    "H.265 hvc1": (f"{_X265} option-string=bframes=3:b-adapt=0", "h265parse", "video/x-h265,stream-format=hvc1"),
    "H.265 layers": (
        f"{_X265} option-string=bframes=3:b-adapt=0:temporal-layers=1",
        "h265parse",
        "video/x-h265,stream-format=byte-stream",
    ),
}
PICTURES = 60


def encoded(name):
    """Return the caps and the encoded pictures of a moving test picture, in decoding order."""
    encoder, parser, caps = STREAMS[name]
    if Gst.ElementFactory.find(encoder.split()[0]) is None:
        pytest.skip(f"this GStreamer has no {encoder.split()[0]}")
    pipeline = Gst.parse_launch(
        f"videotestsrc num-buffers={PICTURES} pattern=ball ! video/x-raw,format=I420,width=320,height=240,"
        f"framerate=25/1 ! {encoder} ! {parser} ! {caps},alignment=au ! appsink name=sink sync=false"
    )
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    buffers, found = [], None
    while (sample := sink.try_pull_sample(20 * Gst.SECOND)) is not None:
        found = sample.get_caps()
        buffers.append(sample.get_buffer().copy_deep())
    pipeline.set_state(Gst.State.NULL)
    assert len(buffers) == PICTURES
    return found, buffers


def decoded(caps, buffers):
    """Return the decoded pictures by their time stamps."""
    decoder = "avdec_h264" if "h264" in caps.to_string() else "avdec_h265"
    pipeline = Gst.parse_launch(
        f"appsrc name=feed format=time ! {decoder} max-threads=1 ! appsink name=sink sync=false"
    )
    feed, sink = pipeline.get_by_name("feed"), pipeline.get_by_name("sink")
    feed.set_property("caps", caps)
    pipeline.set_state(Gst.State.PLAYING)
    for buffer in buffers:
        feed.emit("push-buffer", buffer.copy_deep())
    feed.emit("end-of-stream")
    pictures = {}
    while (sample := sink.try_pull_sample(20 * Gst.SECOND)) is not None:
        buffer = sample.get_buffer()
        pictures[buffer.pts] = buffer.extract_dup(0, buffer.get_size())
    pipeline.set_state(Gst.State.NULL)
    return pictures


def unreferenced(caps, buffers):
    """Return which of the pictures nobody needs."""
    reader = ReferenceReader()
    reader.take_caps(caps)
    found = []
    for buffer in buffers:
        head = buffer.extract_dup(0, HEADER_BYTES)
        if not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT):
            reader.note_key_frame(head)
            found.append(False)
        else:
            found.append(reader.is_unreferenced(head))
    return found


@pytest.mark.parametrize("name", STREAMS)
def test_the_other_pictures_come_out_bit_by_bit_the_same(name):
    caps, buffers = encoded(name)
    needless = unreferenced(caps, buffers)
    assert sum(needless) >= PICTURES // 4

    whole = decoded(caps, buffers)
    rest = decoded(caps, [buffer for buffer, is_needless in zip(buffers, needless, strict=True) if not is_needless])

    assert len(whole) == PICTURES
    assert set(rest) == {buffer.pts for buffer, is_needless in zip(buffers, needless, strict=True) if not is_needless}
    assert all(rest[pts] == whole[pts] for pts in rest)


def test_every_other_choice_of_pictures_would_be_seen():
    """The check above can fail: without a picture that others need, they differ."""
    caps, buffers = encoded("B pictures")
    needed = [not is_needless for is_needless in unreferenced(caps, buffers)]
    victim = next(index for index in range(1, PICTURES) if needed[index])
    whole, rest = decoded(caps, buffers), decoded(caps, buffers[:victim] + buffers[victim + 1 :])
    assert any(rest[pts] != whole[pts] for pts in rest)


def test_interlaced_and_unknown_streams_are_decoded_whole():
    b_picture = b"\0\0\0\1\x01\x9a\x00\x00"
    plain = "video/x-h264,stream-format=byte-stream,alignment=au,coded-picture-structure=frame"
    for caps, is_unreferenced in {
        plain: True,
        f"{plain},interlace-mode=progressive": True,
        f"{plain},interlace-mode=interleaved": False,
        plain.replace("frame", "field"): False,
        plain.replace("alignment=au", "alignment=nal"): False,
        plain.replace("byte-stream", "avc"): False,
        "video/x-vp8": False,
    }.items():
        reader = ReferenceReader()
        reader.take_caps(Gst.Caps.from_string(caps))
        assert reader.is_unreferenced(b_picture) is is_unreferenced, caps


@pytest.mark.parametrize(
    "head",
    [b"", b"\0\0\1", b"\0\0\1\x41\x9a", b"\0\0\1\x65\x88", b"\0\0\1\x06" + b"\x05" * 2000, b"\0\0\1\x02", b"\xff" * 99],
    ids=["nothing", "cut", "referenced", "key frame", "long notes", "partitioned", "no picture"],
)
def test_what_is_not_certainly_needless_is_needed(head):
    reader = ReferenceReader()
    reader.take_caps(
        Gst.Caps.from_string("video/x-h264,stream-format=byte-stream,alignment=au,coded-picture-structure=frame")
    )
    assert not reader.is_unreferenced(head[:HEADER_BYTES])


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([15.0, 25.0, 30.0, 60.0]),
    between=st.integers(0, 5),
    wanted=st.sampled_from([1.0, 2.0, 5.0, 8.0]),
    jitter=st.lists(st.floats(-0.3, 0.3), min_size=200, max_size=200),
)
def test_the_analysed_rate_holds_with_what_is_left(rate, between, wanted, jitter):
    """Whatever share of the pictures is needless, about as many are selected as without leaving any out."""
    times = sorted(100.0 + (number + shift) / rate for number, shift in enumerate(jitter))
    sampler, whole, references = Sampler(wanted), Sampler(wanted), ReferenceRate()
    chosen, left_out = [], 0
    for number, time_seconds in enumerate(times):
        whole_due = whole.due(time_seconds)
        if number % (between + 1) == 0:
            references.note(time_seconds)
        elif references.are_enough(time_seconds, wanted):
            sampler.skip(time_seconds)
            left_out += 1
            continue
        chosen += [(time_seconds, whole_due)] if sampler.due(time_seconds) else []
    expected = (times[-1] - times[0]) * wanted
    assert abs(len(chosen) - expected) <= 2.5 + 0.05 * expected
    longest = max(later[0] - sooner[0] for sooner, later in pairwise(chosen))
    assert longest <= 1.75 / wanted + 2.0 / rate
    # One and a half times as many as wanted are enough; jitter decides about just so many.
    referenced = rate / (between + 1) / wanted
    if between > 0 and referenced > 1.65:
        assert left_out > 0
    if between == 0 or referenced < 1.35:
        assert left_out == 0
    assert sampler.interval_seconds == whole.interval_seconds


def test_nothing_is_left_out_where_every_picture_is_wanted_or_the_others_stay_away():
    references = ReferenceRate()
    for number in range(32):
        references.note(number / 10)
    assert references.are_enough(3.15, 5.0)
    assert not references.are_enough(3.15, None)
    assert not references.are_enough(3.15, 10.0)
    assert not references.are_enough(3.4, 5.0)
    references.note(60.0)
    assert not references.are_enough(60.05, 5.0)


def test_a_camera_with_b_pictures_decodes_fewer_and_hands_on_the_same(make_clip, make_camera, serve, eventually):
    clip = make_clip("mkv", frames=90, pattern="ball")
    with open_video(clip) as video:
        known = {np.asarray(frame.image).tobytes() for frame in video}
    server = serve(ClipFeed(clip))
    camera = make_camera(server.url("/bed"), 5.0)
    found = []

    def has_seen_enough():
        frame = camera.latest_frame.take()
        if frame is not None:
            found.append(np.asarray(frame.image).tobytes() in known)
        return len(found) >= 8 and camera.status().undecoded >= 20

    eventually(has_seen_enough, 60.0)
    assert all(found)
    status = camera.status()
    assert status.undecoded < status.pictures
    assert status.decode_errors == 0 == status.drops[DropCause.CORRUPT]


@pytest.mark.parametrize(
    ("name", "encoder", "are_closed"),
    [
        ("byte stream", f"{_X264} bframes=2", True),
        ("pyramid", f"{_X264} bframes=3", True),
        ("B pictures", f"{_X264} bframes=2 option-string=open-gop=1", False),
        ("H.265", f"{_X265} option-string=bframes=3:open-gop=0", True),
        ("H.265 hvc1", f"{_X265} option-string=bframes=3:open-gop=1", False),
    ],
)
def test_only_a_key_frame_that_nothing_later_looks_behind_begins_anew(monkeypatch, name, encoder, are_closed):
    monkeypatch.setitem(STREAMS, name, (encoder, *STREAMS[name][1:]))
    caps, buffers = encoded(name)
    reader = ReferenceReader()
    reader.take_caps(caps)
    is_key = [not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT) for buffer in buffers]
    begins = [reader.begins_anew(buffer.extract_dup(0, KEY_HEADER_BYTES)) for buffer in buffers]
    assert sum(is_key) >= 2
    assert begins[0]
    assert not any(begin and not key for begin, key in zip(begins, is_key, strict=True))
    if are_closed:
        assert begins == is_key
    else:
        assert not any(begins[1:])
    assert not ReferenceReader().begins_anew(buffers[0].extract_dup(0, KEY_HEADER_BYTES)), "of an unknown format"
