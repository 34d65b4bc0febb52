"""Decoders in hardware: used where they work, and left where they fail, with element factories that fail on demand."""

import os
import shutil
import subprocess
import sys

import pytest

from monitor.clock import ManualClock
from monitor.video.gst import gi_module, gstreamer
from monitor.video.hardware import HARDWARE_DECODERS, DecoderChoice
from monitor.video.probe import PipelineProbe
from monitor.video.rtsp_feed import ClipFeed
from monitor.video.sampling import Sampler
from monitor.video.status import CameraState

gst = gstreamer()


def _templates(picture: str = "video/x-raw"):
    always = gst.PadPresence.ALWAYS
    return (
        gst.PadTemplate.new("sink", gst.PadDirection.SINK, always, gst.Caps.from_string("video/x-h264")),
        gst.PadTemplate.new("src", gst.PadDirection.SRC, always, gst.Caps.from_string(picture)),
    )


class Works(gst.Bin):
    """The decoder in software under a name of one in hardware."""

    __gstmetadata__ = ("works", "Codec/Decoder/Video", "decodes", "tests")
    __gsttemplates__ = _templates()
    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        self.inner = gst.ElementFactory.make("avdec_h264", None)
        self.add(self.inner)
        for name in ("sink", "src"):
            self.add_pad(gst.GhostPad.new(name, self.inner.get_static_pad(name)))


class NoDevice(Works):
    """Cannot be opened."""

    __gstmetadata__ = ("no device", "Codec/Decoder/Video", "fails", "tests")
    made = 0

    def do_change_state(self, _transition):
        return gst.StateChangeReturn.FAILURE


class LosesItsDevice(Works):
    """Decodes for a while, then reports an error."""

    __gstmetadata__ = ("loses its device", "Codec/Decoder/Video", "fails", "tests")
    made = 0

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.inner.get_static_pad("sink").add_probe(gst.PadProbeType.BUFFER, self._count)

    def _count(self, _pad, _info):
        self.count += 1
        if self.count == 10:
            _post_error(self)
        return gst.PadProbeReturn.DROP if self.count >= 10 else gst.PadProbeReturn.OK


class FailsAtThePicture(gst.Element):
    """Opens, and reports an error at the first picture."""

    __gstmetadata__ = ("fails", "Codec/Decoder/Video", "fails", "tests")
    __gsttemplates__ = _templates()
    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        sink = gst.Pad.new_from_template(self.__gsttemplates__[0], "sink")
        sink.set_chain_function(self.decode)
        self.add_pad(sink)
        self.add_pad(gst.Pad.new_from_template(self.__gsttemplates__[1], "src"))

    def decode(self, _pad, _parent, _buffer):
        _post_error(self)
        return gst.FlowReturn.ERROR


class SaysNothing(FailsAtThePicture):
    """Takes pictures and gives none."""

    __gstmetadata__ = ("silent", "Codec/Decoder/Video", "fails", "tests")
    made = 0

    def decode(self, _pad, _parent, _buffer):
        return gst.FlowReturn.OK


class RefusesTheFormat(FailsAtThePicture):
    """Takes no picture, and leaves it to others to report an error."""

    __gstmetadata__ = ("refuses", "Codec/Decoder/Video", "fails", "tests")
    made = 0

    def decode(self, _pad, _parent, _buffer):
        return gst.FlowReturn.NOT_NEGOTIATED


def _post_error(element) -> None:
    glib = gi_module("GLib", "2.0")
    error = glib.Error.new_literal(gst.LibraryError.quark(), "the device was lost", int(gst.LibraryError.FAILED))
    element.post_message(gst.Message.new_error(element, error, ""))


_FACTORIES = {
    "nvh264dec": NoDevice,
    "nvh264sldec": RefusesTheFormat,
    "vah264dec": FailsAtThePicture,
    "vaapih264dec": LosesItsDevice,
    "v4l2h264dec": SaysNothing,
    "v4l2slh264dec": Works,
}


@pytest.fixture(scope="module", autouse=True)
def _factories() -> None:
    for name, kind in _FACTORIES.items():
        if gst.ElementFactory.find(name) is not None:
            pytest.skip(f"{name} is really here")
        assert gst.Element.register(None, name, gst.Rank.NONE, kind)


@pytest.fixture(autouse=True)
def _nothing_made() -> None:
    for kind in _FACTORIES.values():
        kind.made = 0


def test_each_kind_names_its_own_and_auto_names_all() -> None:
    assert DecoderChoice("software").names("video/x-h264") == ()
    assert DecoderChoice("vaapi").names("video/x-h264") == ("vah264dec", "vaapih264dec")
    assert DecoderChoice("auto").names("video/x-h264") == tuple(_FACTORIES)
    assert DecoderChoice("auto").names("video/x-vp8") == ()
    assert all(set(kinds) == {"video/x-h264", "video/x-h265", "image/jpeg"} for kinds in HARDWARE_DECODERS.values())


def test_what_cannot_be_opened_is_left_for_good_and_software_is_said(caplog: pytest.LogCaptureFixture) -> None:
    choice = DecoderChoice("nvdec")
    choice.refuse("nvh264sldec", "it does not matter")
    assert choice.open("video/x-h264") is None
    assert choice.open("video/x-h264") is None
    assert NoDevice.made == 1
    assert "decoder nvh264dec is not used for this camera any more: it cannot be opened" in caplog.text
    assert caplog.text.count("no decoder of kind nvdec works here for video/x-h264; software decodes") == 1


def test_a_decoder_whose_driver_never_answers_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that waits for the driver is lost; the camera's next attempt is made in another one."""
    choice = DecoderChoice("v4l2")
    tried_by_another_thread: list[tuple[str, ...]] = []

    def wait(_element, _transition):
        tried_by_another_thread.append(choice.names("video/x-h264"))
        return gst.StateChangeReturn.SUCCESS

    monkeypatch.setattr(gst.Element, "set_state", wait)
    assert choice.open("video/x-h264") is not None
    assert tried_by_another_thread == [("v4l2slh264dec",)]
    assert choice.names("video/x-h264") == ("v4l2h264dec", "v4l2slh264dec"), "it has answered"


def test_pictures_come_whatever_the_hardware_does(make_camera, make_clip, eventually) -> None:
    """Every decoder fails in a way of its own, and is tried once; the last one works."""
    camera = make_camera(str(make_clip(frames=180)), frames_per_second=None, loop=True, decoder="auto")
    eventually(lambda: camera.status().decoder == "v4l2slh264dec" and camera.status().frames > 30, 60.0)
    assert {name: kind.made for name, kind in _FACTORIES.items()} == dict.fromkeys(_FACTORIES, 1)
    status = camera.status()
    assert (status.codec, status.announced_frames_per_second) == ("H.264", 30.0)


def test_a_camera_goes_on_at_once_where_its_decoder_fails(make_camera, serve, make_clip, eventually) -> None:
    """Two decoders fail, one of them after it has decoded: software goes on, and the source is never given up."""
    states = set()
    camera = make_camera(serve(ClipFeed(make_clip("mkv"))).url("/bed"), frames_per_second=None, decoder="vaapi")

    def plays_in_software() -> bool:
        status = camera.status()
        states.add(status.state)
        return status.decoder == "avdec_h264" and status.frames > 15

    eventually(plays_in_software, 60.0)
    assert states <= {CameraState.CONNECTING, CameraState.PLAYING}
    assert (FailsAtThePicture.made, LosesItsDevice.made, camera.status().reconnects) == (1, 1, 2)
    assert "decoder vaapih264dec failed (the device was lost)" in camera.status().last_error


def test_an_end_before_the_first_picture_is_the_decoders_fault(make_camera, make_clip, eventually) -> None:
    """A file that is shorter than the silence that is awaited."""
    camera = make_camera(str(make_clip(frames=15)), frames_per_second=None, loop=True, decoder="v4l2")
    eventually(lambda: camera.status().decoder == "v4l2slh264dec" and camera.status().frames > 5, 60.0)
    assert SaysNothing.made == 1


def test_hardware_is_given_every_picture(make_camera, make_clip, eventually) -> None:
    """It may hold back many pictures: given fewer, it would be late."""
    clip = str(make_clip("mkv", frames=90))
    software = make_camera(clip, frames_per_second=5.0, loop=True)
    hardware = make_camera(clip, frames_per_second=5.0, loop=True, decoder="v4l2")
    eventually(lambda: software.status().undecoded > 10, 60.0)
    eventually(lambda: hardware.status().decoder == "v4l2slh264dec" and hardware.status().frames > 15, 60.0)
    assert hardware.status().undecoded == 0


def test_without_hardware_nothing_is_tried(make_camera, make_clip, eventually) -> None:
    camera = make_camera(str(make_clip(frames=90)), frames_per_second=None, loop=True)
    eventually(lambda: camera.status().frames > 5, 60.0)
    assert camera.status().decoder == "avdec_h264"
    assert not any(kind.made for kind in _FACTORIES.values())


def test_silence_is_counted_from_a_key_frame_and_ends_with_a_picture() -> None:
    clock = ManualClock()
    probe = PipelineProbe(clock, Sampler(None))

    def give(count: int, *, keyframe: bool = False, seconds: float = 0.2) -> None:
        for number in range(count):
            probe.encoded(None, keyframe=keyframe and number == 0)
            clock.advance(seconds)

    give(40)
    assert not probe.is_decoder_silent, "without a key frame nothing can be decoded"
    assert not probe.was_keyframe_given
    give(19, keyframe=True)
    assert not probe.is_decoder_silent, "a decoder may hold back some pictures"
    give(1)
    assert probe.is_decoder_silent
    probe.decoded(None, corrupt=False)
    assert not probe.is_decoder_silent
    give(3, keyframe=True, seconds=3.0)
    assert probe.is_decoder_silent, "of a slow camera, 5 s are enough"


class _Cuda(gst.Element):
    """Makes a CUDA context when it is opened, unless it was given one: as NVIDIA's decoders do."""

    __gstmetadata__ = ("cuda", "Codec/Decoder/Image", "decodes", "tests")
    __gsttemplates__ = _templates()
    contexts = 0

    def do_change_state(self, transition):
        if transition == gst.StateChange.NULL_TO_READY and self.get_context("gst.cuda.context") is None:
            type(self).contexts += 1
            self.set_context(gst.Context.new("gst.cuda.context", True))  # noqa: FBT003 - GStreamer's
        return gst.StateChangeReturn.SUCCESS


def test_all_cameras_share_one_cuda_context_until_a_decoder_fails() -> None:
    assert gst.Element.register(None, "nvjpegdec", gst.Rank.NONE, _Cuda)
    cameras = [DecoderChoice("nvdec") for _ in range(4)]
    decoders = [camera.open("image/jpeg") for camera in cameras]
    assert None not in decoders
    assert _Cuda.contexts == 1
    cameras[0].refuse("nvjpegdec", "the device was lost")
    again = [DecoderChoice("nvdec").open("image/jpeg") for _ in range(2)]
    assert None not in again
    assert _Cuda.contexts == 2


_PLUGIN = r"""
#include <stdlib.h>
struct Desc {
    int major, minor; const char *name, *description; int (*init)(void *);
    const char *version, *license, *source, *package, *origin, *released; void *reserved[4];
};
int gst_element_register(void *, const char *, unsigned, unsigned long);
unsigned long gst_bin_get_type(void);
static int init(void *plugin) {
    return !getenv("HAS_DRIVER") || gst_element_register(plugin, "nvh264dec", 0, gst_bin_get_type());
}
static const struct Desc desc = {
    1, 22, "nvcodec", "a driver's decoders", init, "1", "LGPL", "tests", "tests", "tests", 0, {0}
};
const struct Desc *gst_plugin_nvcodec_get_desc(void) { return &desc; }
"""
_LOOK = """
from monitor.video.gst import gstreamer
from monitor.video.hardware import DecoderChoice, load_nvcodec
gst = gstreamer()
print(gst.ElementFactory.find("nvh264dec") is not None, load_nvcodec(), DecoderChoice("auto").open("video/x-h264"))
"""


def test_a_driver_that_came_after_gstreamers_first_look_is_found(tmp_path) -> None:
    """Without a second look its registry says for ever that the plugin has no decoders."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no compiler")
    (tmp_path / "plugin.c").write_text(_PLUGIN)
    library = tmp_path / "libgstnvcodec.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "plugin.c"], check=True)
    environment = {
        **os.environ,
        "GST_PLUGIN_PATH": str(tmp_path),
        "GST_PLUGIN_SYSTEM_PATH": "",
        "GST_REGISTRY": str(tmp_path / "registry.bin"),
        "GST_REGISTRY_FORK": "no",
    }

    def look(**more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", _LOOK], env=environment | more, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert look() == "False () None"
    found = look(HAS_DRIVER="1")
    assert found.startswith("False ('nvh264dec',) <"), found
