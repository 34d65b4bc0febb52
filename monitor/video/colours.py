"""What a stream says about its colours and the shape of its pixels, completed where it says only a part.

A full-range H.264 stream that names no matrix is decoded with the colorimetry `1:0:0:0`, which GStreamer finds invalid
as a whole and replaces by limited range: grey 30 becomes 14, grey 200 becomes 212, and scores move by up to 0.17. So
the range stays, and the matrix is completed: BT.601 below 720 lines, else BT.709.

GStreamer 1.22 does not read the range that an MP4 container names, takes it as limited, and lets it stand against what
the pictures themselves say: full-range recordings became too contrasty, and scores moved by up to 0.24. So what the
pictures say counts, and the container's word only where they say nothing.
"""

from collections.abc import Callable
from typing import Any

from monitor.video.gst import gi_module, gstreamer
from monitor.video.planar_picture import YuvColours

__all__ = ["colours_of", "complete_colours", "completed_caps", "distrust_container"]

_FULL, _LIMITED = "1", "2"
_FULL_RANGE = int(_FULL)
_UNKNOWN, _RGB_MATRIX, _BT709, _BT601 = "0", "1", "3", "4"
_HD_LINES = 720
_MOST_STRETCH = 4.0


def completed_caps(caps: Any) -> str:  # noqa: ANN401 - from gi
    """Return what must be set on decoded pictures of these caps: fields of `video/x-raw`, none where all is said.

    Args:
        caps: `Gst.Caps` of one structure, as a decoder gives them.
    """
    structure = caps.get_structure(0)
    changes = ["video/x-raw"]
    colorimetry = structure.get_string("colorimetry") or ""
    parts = colorimetry.split(":")
    image_format = structure.get_string("format") or ""
    is_yuv = not image_format.startswith(("RGB", "BGR", "xRGB", "xBGR", "ARGB", "ABGR", "GBR", "GRAY"))
    if len(parts) == 4 and is_yuv and parts[1] in {_UNKNOWN, _RGB_MATRIX}:
        _, height = structure.get_int("height")
        matrix = _BT709 if height >= _HD_LINES else _BT601
        light_range = parts[0] if parts[0] in {_FULL, _LIMITED} else _LIMITED
        changes.append(f"colorimetry=(string){light_range}:{matrix}:{parts[2]}:{parts[3]}")
    known, over, under = structure.get_fraction("pixel-aspect-ratio")
    if known and not (over > 0 and under > 0 and 1 / _MOST_STRETCH <= over / under <= _MOST_STRETCH):
        changes.append("pixel-aspect-ratio=(fraction)1/1")
    return ",".join(changes)


def complete_colours(setter: Any) -> None:  # noqa: ANN401 - from gi
    """Let a `capssetter` complete whatever caps come to it."""
    gst = gstreamer()
    _on_caps(setter, lambda caps: gst.Caps.from_string(completed_caps(caps)))


def colours_of(info: Any) -> YuvColours:  # noqa: ANN401 - from gi
    """Return what the numbers of decoded pictures mean.

    Args:
        info: `GstVideo.VideoInfo` of their caps, which `complete_colours` has completed.
    """
    video = gi_module("GstVideo")
    known, red, blue = video.video_color_matrix_get_Kr_Kb(info.colorimetry.matrix)
    is_full_range = int(info.colorimetry.range) == _FULL_RANGE
    return YuvColours(red, blue, is_full_range) if known else YuvColours(is_full_range=is_full_range)


def distrust_container(hide: Any, restore: Any) -> None:  # noqa: ANN401 - from gi
    """Let a parser between two `capssetter`s take the colours from the pictures, not from their container.

    Args:
        hide: Before the parser; must replace its caps, and not join them.
        restore: Behind it; sets the container's colours where the parser found none.
    """
    gst = gstreamer()
    container: list[str | None] = [None]

    def without_colours(caps: Any) -> Any:  # noqa: ANN401 - from gi
        structure = gst.Structure.new_from_string(caps.get_structure(0).to_string())
        container[0] = structure.get_string("colorimetry")
        structure.remove_field("colorimetry")
        changed = gst.Caps.new_empty()
        changed.append_structure(structure)
        return changed

    def with_colours(caps: Any) -> Any:  # noqa: ANN401 - from gi
        structure = caps.get_structure(0)
        fields = [structure.get_name()]
        if container[0] is not None and not structure.has_field("colorimetry"):
            fields.append(f"colorimetry=(string){container[0]}")
        return gst.Caps.from_string(",".join(fields))

    _on_caps(hide, without_colours)
    _on_caps(restore, with_colours)


def _on_caps(setter: Any, change: Callable[[Any], Any]) -> None:  # noqa: ANN401 - from gi
    gst = gstreamer()

    def on_event(pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        event = info.get_event()
        if event.type == gst.EventType.CAPS:
            pad.get_parent_element().set_property("caps", change(event.parse_caps()))
        return gst.PadProbeReturn.OK

    setter.get_static_pad("sink").add_probe(gst.PadProbeType.EVENT_DOWNSTREAM, on_event)
