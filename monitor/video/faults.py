"""What goes wrong with a source, in words: GStreamer's errors become one sentence without credentials."""

import re
from enum import StrEnum
from typing import Any

from monitor.errors import VideoError
from monitor.phrases import Phrase
from monitor.video.address import SourceAddress, SourceKind
from monitor.video.gst import APT_LINE, gstreamer

__all__ = ["HUNG", "UNTRUSTED", "FaultKind", "SourceEndedError", "SourceFaultError", "fault_of_end", "fault_of_error"]


class FaultKind(StrEnum):
    """What a camera does about a fault depends on its kind.

    `decoder`: a hardware decoder failed, the source did not; another decoder takes over at once.
    """

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    STALLED = "stalled"
    ENDED = "ended"
    FORMAT = "format"
    DECODER = "decoder"
    OTHER = "other"


class SourceFaultError(VideoError):
    """A source cannot be opened, or has failed.

    Args:
        kind: What a camera does about it.
        sentence: What, where, and what to do.
    """

    def __init__(self, kind: FaultKind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


HUNG = Phrase("its thread hung and was replaced")
UNTRUSTED = Phrase("has a TLS certificate that is not trusted; set tls_ca_file to the authority that signed it")


class SourceEndedError(VideoError):
    """The stream has come to its end; for a live source this is a fault."""


def fault_of_end(address: SourceAddress) -> SourceFaultError:
    """Return the fault of a live source that ended its stream."""
    return SourceFaultError(FaultKind.ENDED, Phrase("{address}: the camera ended the stream", address=address.display))


def fault_of_error(error: Any, address: SourceAddress) -> SourceFaultError:  # noqa: ANN401 - a GLib.Error
    """Translate one error message of the bus.

    The text of GStreamer is used only where no better sentence is known, and only its short form: the long one may
    hold addresses and headers.
    """
    gst = gstreamer()
    codes = {
        (gst.ResourceError, name): kind_and_text for name, kind_and_text in _resource_sentences(address).items()
    } | {(gst.StreamError, name): kind_and_text for name, kind_and_text in _stream_sentences(address).items()}
    codes[gst.CoreError, "MISSING_PLUGIN"] = codes[gst.StreamError, "CODEC_NOT_FOUND"]
    found: tuple[FaultKind, str] = (FaultKind.OTHER, Phrase("failed: {reason}", reason=_short(error, address)))
    if _mentions(error, "allow more transport protocols"):
        found = (
            FaultKind.FORMAT,
            Phrase("refuses this transport; write transport: udp, or tcp where it is udp"),
        )
    elif _mentions(error, "unauthorized", "forbidden", "(401)", "(403)"):
        found = codes[gst.ResourceError, "NOT_AUTHORIZED"]
    else:
        for (domain, name), known in codes.items():
            if error.matches(domain.quark(), getattr(domain, name)):
                found = known
    kind, text = found
    return SourceFaultError(kind, Phrase("{address} {fault}", address=address.display, fault=text))


def _resource_sentences(address: SourceAddress) -> dict[str, tuple[FaultKind, str]]:
    """Return, for each code of GStreamer's resource errors, the kind and the end of the sentence."""
    unopened = (FaultKind.UNREACHABLE, Phrase("cannot be opened"))
    missing = Phrase("does not exist")
    if address.kind in {SourceKind.RTSP, SourceKind.HTTP}:
        unopened = (
            FaultKind.UNREACHABLE,
            Phrase("cannot be reached; check that the camera is on and its address is right"),
        )
        missing = Phrase("was not found; check the host name and the path of the stream")
    lost = (FaultKind.UNREACHABLE, Phrase("lost the connection"))
    return {
        "NOT_AUTHORIZED": (FaultKind.REFUSED, Phrase("refused: check username and password_file")),
        "NOT_FOUND": (FaultKind.UNREACHABLE, missing),
        "OPEN_READ": unopened,
        "OPEN_WRITE": unopened,
        "OPEN_READ_WRITE": unopened,
        "BUSY": (FaultKind.UNREACHABLE, Phrase("is in use by another program")),
        "READ": lost,
        "WRITE": lost,
    }


def _stream_sentences(address: SourceAddress) -> dict[str, tuple[FaultKind, str]]:
    """Return, for each code of GStreamer's stream errors, the kind and the end of the sentence."""
    broken = Phrase("is not a complete video, or a damaged one")
    foreign = Phrase("is not a video")
    other: dict[str, tuple[FaultKind, str]] = {}
    if address.kind is SourceKind.HTTP:
        broken = Phrase("sends no MJPEG stream (multipart/x-mixed-replace)")
        # GStreamer 1.22 does not distinguish a refused connection from an untrusted certificate here.
        unreached = Phrase("cannot be reached; check that the camera is on and its address is right")
        if address.location.startswith("https:"):
            unreached = Phrase(
                "cannot be reached; check that the camera is on and its address is right, and tls_ca_file"
            )
        other = {"FAILED": (FaultKind.UNREACHABLE, unreached)}
        foreign = broken
    return other | {
        "CODEC_NOT_FOUND": (
            FaultKind.FORMAT,
            Phrase("needs a codec that is not installed; run: {line}", line=APT_LINE),
        ),
        "TYPE_NOT_FOUND": (FaultKind.FORMAT, foreign),
        "WRONG_TYPE": (FaultKind.FORMAT, foreign),
        "DEMUX": (FaultKind.FORMAT, broken),
        "DECODE": (FaultKind.FORMAT, Phrase("sends pictures that cannot be decoded")),
    }


def _mentions(error: Any, *words: str) -> bool:  # noqa: ANN401 - a GLib.Error
    text = str(error.message).lower()
    return any(word in text for word in words)


def _short(error: Any, address: SourceAddress) -> str:  # noqa: ANN401 - a GLib.Error
    text = str(error.message).splitlines()[0].rstrip(".")
    for secret in (address.location, address.password, *address.hidden):
        if secret:
            text = text.replace(secret, "***")
    return re.sub(r"\w+://\S+", "***", text)
