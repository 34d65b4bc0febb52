"""What a camera's encoder can be set to, and the setting of it that changes nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree as ET

from onveef.parsers import parse_xml

from monitor.cameras.profiles import VideoProfile

__all__ = ["EncoderChange", "EncoderLimits", "changed_configuration", "parse_limits"]

_SCHEMA = "http://www.onvif.org/ver10/schema"
_NAMES = {
    "tt": _SCHEMA,
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "trt2": "http://www.onvif.org/ver20/media/wsdl",
}


@dataclass(frozen=True, slots=True)
class EncoderLimits:
    """What an encoder can do; None and empty where the camera does not say it.

    Attributes:
        sizes_px: (width, height).
        frames_per_second: Lowest and highest.
        gop: Shortest and longest, in pictures.
        kbit_per_second: Lowest and highest.
    """

    sizes_px: tuple[tuple[int, int], ...] = ()
    frames_per_second: tuple[float, float] | None = None
    gop: tuple[float, float] | None = None
    kbit_per_second: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class EncoderChange:
    """What is to be set; None leaves it as it is."""

    size_px: tuple[int, int] | None = None
    frames_per_second: int | None = None
    gop: int | None = None
    kbit_per_second: int | None = None

    def applied_to(self, profile: VideoProfile) -> VideoProfile:
        """Return the profile as it is to be."""
        rate = profile.frames_per_second if self.frames_per_second is None else float(self.frames_per_second)
        return replace(
            profile,
            size_px=self.size_px or profile.size_px,
            frames_per_second=rate,
            gop=self.gop or profile.gop,
            kbit_per_second=self.kbit_per_second or profile.kbit_per_second,
        )

    def refused(self, profile: VideoProfile, limits: EncoderLimits) -> str | None:
        """Return why a profile cannot be set to this, as a sentence; None where it can, as far as is known."""
        if profile.encoder is None:
            return "it has no encoder"
        if self.gop is not None and profile.codec == "MJPEG":
            return "every picture of MJPEG is a key frame"
        if self.size_px is not None and limits.sizes_px and self.size_px not in limits.sizes_px:
            sizes = ", ".join(f"{width}x{height}" for width, height in sorted(limits.sizes_px))
            return f"its sizes are {sizes}"
        for value, span, unit in (
            (self.frames_per_second, limits.frames_per_second, "pictures/s"),
            (self.gop, limits.gop, "pictures from one key frame to the next"),
            (self.kbit_per_second, limits.kbit_per_second, "kbit/s"),
        ):
            if value is not None and span is not None and not span[0] <= value <= span[1]:
                return f"it can do {span[0]:g} to {span[1]:g} {unit}"
        return None


def parse_limits(rows: Sequence[Mapping[str, Any]]) -> EncoderLimits:
    """Read onveef's rows of one codec."""
    if not rows:
        return EncoderLimits()
    row = rows[0]
    sizes = {
        (size["width"], size["height"]) for size in row.get("resolutions") or () if size["width"] and size["height"]
    }
    return EncoderLimits(
        tuple(sorted(sizes)), _span(row.get("fps")), _span(row.get("gop")), _span(row.get("bitrate_kbps"))
    )


def changed_configuration(answer: str, token: str, change: EncoderChange) -> str | None:
    """Return a camera's encoder configuration with some values changed, as XML for the request that sets it.

    Args:
        answer: To GetVideoEncoderConfigurations, of either media service.
        token: Of the configuration.
        change: What to change.

    Returns:
        None where the answer has no such configuration.
    """
    root = parse_xml(answer)
    found = [] if root is None else [one for one in root.iter() if one.tag.endswith("}Configurations")]
    configuration = next((one for one in found if one.get("token") == token), None)
    if configuration is None:
        return None
    namespace = configuration.tag.rpartition("}")[0]
    configuration.tag = f"{namespace}}}Configuration"
    configuration.tail = None
    size = ("Width", "Height")
    for name, pixels in zip(size, change.size_px or (), strict=False):
        _write(configuration, ("Resolution", name), pixels)
    _write(configuration, ("RateControl", "FrameRateLimit"), change.frames_per_second)
    _write(configuration, ("RateControl", "BitrateLimit"), change.kbit_per_second)
    if change.gop is not None:
        if "GovLength" in configuration.attrib or "ver20" in namespace:
            configuration.set("GovLength", str(change.gop))
        else:
            _write(configuration, ("H264", "GovLength"), change.gop)
    for prefix, uri in _NAMES.items():
        ET.register_namespace(prefix, uri)
    return ET.tostring(configuration, encoding="unicode")


def _write(parent: ET.Element, path: tuple[str, ...], value: int | None) -> None:
    """Write a value below an element; elements that the camera did not send are made, in the schema's namespace."""
    if value is None:
        return
    for name in path:
        found = next((child for child in parent if child.tag.rpartition("}")[2] == name), None)
        parent = found if found is not None else ET.SubElement(parent, f"{{{_SCHEMA}}}{name}")
    parent.text = str(value)


def _span(limits: Mapping[str, Any] | None) -> tuple[float, float] | None:
    if not limits or limits.get("min") is None or limits.get("max") is None:
        return None
    return float(limits["min"]), float(limits["max"])
