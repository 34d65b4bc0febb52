"""What is known of a camera at any moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["CameraState", "CameraStatus", "DropCause"]


class CameraState(StrEnum):
    """Where a camera stands.

    `connecting`: opened for the first time, no picture yet. `playing`: pictures come. `lost`: pictures came, or could
    not be had, and it is being tried again. `ended`: a file has been played to its end. `stopped`: nobody wants it.
    """

    CONNECTING = "connecting"
    PLAYING = "playing"
    LOST = "lost"
    ENDED = "ended"
    STOPPED = "stopped"


class DropCause(StrEnum):
    """Why a picture of the stream was not handed on.

    `sampling`: the stream is faster than the analysed rate. `superseded`: a newer frame came before a worker took it.
    `queue`: the conversion did not keep up. `corrupt`: the decoder marked it as damaged. `keyframes_only`: the decoder
    did not keep up, so that only key frames are decoded for a while.
    """

    SAMPLING = "sampling"
    SUPERSEDED = "superseded"
    QUEUE = "queue"
    CORRUPT = "corrupt"
    KEYFRAMES_ONLY = "keyframes_only"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A camera at one moment. All times are monotonic seconds.

    Attributes:
        camera_id: Its name.
        address: Where it is, without credentials.
        state: Whether pictures come.
        seconds_since_frame: Age of the newest decoded picture's data, or of the newest picture that was left out since
            then because it was not to be analysed and no other needs it; None before the first.
        frozen_since_seconds: Since when the picture has not changed although pictures come; None while it changes.
        dark_since_seconds: Since when the picture is dark or covered; None while something can be seen.
        overloaded: Whether only key frames are decoded, because the machine does not keep up.
        reconnects: How often the source was opened again after a fault.
        abandoned: Pipelines that did not stop in time and were left behind.
        pictures: Pictures of the stream that were decoded or left out before the decoder, dropped ones included.
        undecoded: Those left out because they would not have been analysed and no other picture needs them, or were
            found damaged before the decoder.
        frames: Frames offered to the workers.
        drops: Pictures that were not handed on, by cause.
        lag_seconds: From the arrival of the newest decoded picture's data to its decoding, less what it waited for the
            next one that is analysed; None without a picture since the source was opened.
        decode_errors: Errors that the decoder reported and survived.
        timestamp_faults: Time stamps of the stream that stood still or went back.
        format_changes: How often the picture's size or codec changed.
        size_px: (width, height) of the newest picture; None before the first.
        codec: For example `H.264`; None before the first data.
        decoder: GStreamer's element that decodes, for example `avdec_h264`; None before the first data.
        announced_frames_per_second: Rate that the stream announces; None where it announces none.
        frames_per_second: Measured rate of the stream; None before the second picture.
        keyframe_interval_seconds: Measured time from one key frame to the next; None before the second.
        last_error: The newest fault as one sentence without credentials; None where there was none. It stays after
            the camera has come back. A `monitor.phrases.Phrase` on the station itself.
        last_fault: Its kind, a value of `monitor.video.faults.FaultKind`: the same in every language.
    """

    camera_id: str
    address: str
    state: CameraState
    seconds_since_frame: float | None = None
    frozen_since_seconds: float | None = None
    dark_since_seconds: float | None = None
    overloaded: bool = False
    reconnects: int = 0
    abandoned: int = 0
    pictures: int = 0
    undecoded: int = 0
    frames: int = 0
    drops: Mapping[DropCause, int] = field(default_factory=dict)
    lag_seconds: float | None = None
    decode_errors: int = 0
    timestamp_faults: int = 0
    format_changes: int = 0
    size_px: tuple[int, int] | None = None
    codec: str | None = None
    decoder: str | None = None
    announced_frames_per_second: float | None = None
    frames_per_second: float | None = None
    keyframe_interval_seconds: float | None = None
    last_error: str | None = None
    last_fault: str | None = None
