"""Pictures that come as they are, as from a local camera."""

import numpy as np
import pytest

from monitor.clock import SystemClock
from monitor.video.address import SourceAddress, SourceKind
from monitor.video.decoding import ChainSettings
from monitor.video.gst import gi_module, gstreamer, make_element
from monitor.video.pipeline import MediaPipeline
from monitor.video.probe import PipelineProbe
from monitor.video.sampling import Sampler

Gst = gstreamer()
GstVideo = gi_module("GstVideo")
WIDTH, HEIGHT = 6, 4
STRIDES, OFFSETS = [16, 8, 8], [0, 64, 80]


@pytest.fixture
def raw_camera():
    """Return a pipeline and the appsrc that feeds it."""
    address = SourceAddress(SourceKind.V4L2, "/dev/video0", "/dev/video0")
    media = MediaPipeline(address, PipelineProbe(SystemClock(), Sampler(None)), ChainSettings(live=True, parse=False))
    caps = Gst.Caps.from_string(
        f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate=5/1,colorimetry=(string)1:4:0:0"
    )
    source = make_element("appsrc", caps=caps, format=Gst.Format.TIME)
    media.pipeline.add(source)
    assert media.take_pad(source.get_static_pad("src"), caps)
    media.play()
    yield media, source
    media.close(3.0)


def _buffer(count: int):
    buffer = Gst.Buffer.new_wrapped((np.arange(count) % 251).astype(np.uint8).tobytes())
    buffer.pts = 0
    flags, kind = GstVideo.VideoFrameFlags.NONE, GstVideo.VideoFormat.I420
    GstVideo.buffer_add_video_meta_full(buffer, flags, kind, WIDTH, HEIGHT, 3, [*OFFSETS, 0], [*STRIDES, 0])
    return buffer


def test_rows_lie_where_the_buffer_says(raw_camera):
    media, source = raw_camera
    source.push_buffer(_buffer(96))
    image, _ = media.pull(5.0)
    luma, blue, red = image.planes
    assert luma.tolist() == [[16 * row + column for column in range(WIDTH)] for row in range(HEIGHT)]
    assert blue.tolist() == [[64 + 8 * row + column for column in range(3)] for row in range(2)]
    assert red.tolist() == [[80 + 8 * row + column for column in range(3)] for row in range(2)]
    assert (image.colours.red, image.colours.blue, image.colours.is_full_range) == (0.299, 0.114, True)
