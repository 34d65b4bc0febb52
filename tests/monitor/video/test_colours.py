"""Grey stays grey and square stays square, whatever a stream says about its range, matrix and pixels."""

import itertools
import struct

import numpy as np
import pytest

from monitor.video.colours import completed_caps
from monitor.video.gst import gstreamer
from monitor.video.reader import open_video

Gst = gstreamer()


@pytest.mark.parametrize(
    ("caps", "completed"),
    [
        ("format=I420,height=240,colorimetry=1:0:0:0", "video/x-raw,colorimetry=(string)1:4:0:0"),
        ("format=I420,height=720,colorimetry=1:0:0:0", "video/x-raw,colorimetry=(string)1:3:0:0"),
        ("format=Y42B,height=1080,colorimetry=2:0:5:1", "video/x-raw,colorimetry=(string)2:3:5:1"),
        ("format=I420,height=480,colorimetry=0:0:0:0", "video/x-raw,colorimetry=(string)2:4:0:0"),
        ("format=I420,height=480,colorimetry=bt709", "video/x-raw"),
        ("format=I420,height=480,colorimetry=1:4:0:0", "video/x-raw"),
        ("format=RGB,height=480,colorimetry=1:1:0:0", "video/x-raw"),
        ("format=I420,height=480", "video/x-raw"),
        ("format=I420,height=480,pixel-aspect-ratio=16/11", "video/x-raw"),
        ("format=I420,height=480,pixel-aspect-ratio=1/200", "video/x-raw,pixel-aspect-ratio=(fraction)1/1"),
    ],
)
def test_only_what_is_missing_is_completed(caps, completed):
    assert completed_caps(Gst.Caps.from_string(f"video/x-raw,width=320,{caps}")) == completed


def encode(path, launch):
    """Run a pipeline to its end."""
    pipeline = Gst.parse_launch(f"{launch} ! filesink location={path}")
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None
    assert message.type == Gst.MessageType.EOS, message.parse_error()


def first_picture(path):
    with open_video(path) as video:
        return np.array(next(iter(video)).image)


@pytest.mark.parametrize(
    ("light_range", "matrix", "level"), list(itertools.product(["1", "2"], ["3", "4"], [30, 128, 200]))
)
def test_grey_stays_grey(tmp_path, light_range, matrix, level):
    colour = 0xFF000000 | level << 16 | level << 8 | level
    encode(
        tmp_path / "grey.mkv",
        f"videotestsrc num-buffers=5 pattern=solid-color foreground-color={colour} ! video/x-raw,format=RGB,width=320,"
        f"height=240,framerate=5/1 ! videoconvert ! video/x-raw,format=I420,"
        f"colorimetry=(string){light_range}:{matrix}:0:0"
        " ! x264enc tune=zerolatency ! h264parse ! matroskamux",
    )
    assert np.abs(first_picture(tmp_path / "grey.mkv").mean(axis=(0, 1)) - level).max() < 7


@pytest.mark.parametrize("muxer", ["matroskamux", "mp4mux", "qtmux", "mpegtsmux", "avimux", "flvmux"])
@pytest.mark.parametrize("encoder", ["x264enc tune=zerolatency ! h264parse", "x265enc tune=zerolatency ! h265parse"])
@pytest.mark.parametrize("light_range", ["1", "2"])
def test_grey_stays_grey_in_every_container(tmp_path, muxer, encoder, light_range):
    """What the pictures say of their range counts, not what their container leaves out."""
    codec = encoder.partition("enc")[0]
    if Gst.ElementFactory.find(f"{codec}enc") is None:
        pytest.skip(f"this GStreamer has no {codec}enc")
    if (muxer, codec) in {("avimux", "x265"), ("flvmux", "x265")}:
        pytest.skip("this container takes no H.265")
    path = tmp_path / "grey.video"
    encode(
        path,
        f"videotestsrc num-buffers=5 pattern=solid-color foreground-color=0xffc8c8c8 ! video/x-raw,format=RGB,"
        f"width=320,height=240,framerate=5/1 ! videoconvert ! video/x-raw,format=I420,"
        f"colorimetry=(string){light_range}:3:5:1"
        f" ! {encoder} ! {muxer}",
    )
    assert np.abs(first_picture(path).mean(axis=(0, 1)) - 200).max() < 7


@pytest.mark.parametrize(
    ("size_px", "aspect", "square_px"),
    [((704, 576), "16/11", (1024, 576)), ((352, 576), "32/11", (1024, 576)), ((320, 240), "1/1", (320, 240))],
)
def test_pixels_become_square(tmp_path, size_px, aspect, square_px):
    encode(
        tmp_path / "wide.mkv",
        f"videotestsrc num-buffers=3 ! video/x-raw,format=I420,width={size_px[0]},height={size_px[1]},framerate=5/1,"
        f"pixel-aspect-ratio={aspect} ! x264enc tune=zerolatency ! h264parse ! matroskamux",
    )
    height, width, _ = first_picture(tmp_path / "wide.mkv").shape
    assert width / height == pytest.approx(square_px[0] / square_px[1], rel=0.02)


def test_a_picture_on_its_side_is_turned(tmp_path):
    path = tmp_path / "side.mp4"
    encode(
        path,
        "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=320,height=240,framerate=5/1 ! "
        "x264enc tune=zerolatency ! h264parse ! mp4mux",
    )
    content = path.read_bytes()
    one, upright = struct.pack(">i", 1 << 16), struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    track = content.index(upright, content.index(b"tkhd"))
    turned = (
        bytes(4) + one + bytes(4) + struct.pack(">i", -(1 << 16)) + bytes(8) + struct.pack(">3i", 240 << 16, 0, 1 << 30)
    )
    path.write_bytes(content[:track] + turned + content[track + len(upright) :])
    assert first_picture(path).shape == (320, 240, 3)
