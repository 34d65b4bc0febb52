"""The profiles of a camera, which of them a station should take, and what that saves.

The station analyses five pictures a second, and a face of 80 pixels is seen as well as a larger one. What a camera
sends beyond that is decoded and thrown away; decoding costs about as much as there are pixels a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.phrases import Phrase

__all__ = [
    "ENOUGH_FACE_PX",
    "ENOUGH_FRAMES_PER_SECOND",
    "FaceShare",
    "Proposal",
    "VideoProfile",
    "advise",
    "propose",
]

ENOUGH_FACE_PX = 80.0
ENOUGH_FRAMES_PER_SECOND = 10.0
_LEAST_FRAMES_PER_SECOND = 5.0
_MANY_FRAMES_PER_SECOND = 12.0
_LONGEST_KEYFRAME_SECONDS = 2.0
_USUAL_WIDTH_PX = 1280
"""Where no face is seen: docs/cameras.md asks for this size."""
_WIDTHS_PX = (640, 704, 800, 960, 1024, 1280, 1600, 1920, 2560, 2688, 3072)
_CODECS = frozenset({"H.264", "H.265", "MJPEG"})
_WORTH_IT = 0.1


@dataclass(frozen=True, slots=True)
class VideoProfile:
    """One of the streams that a camera offers. What the camera does not say is None.

    Attributes:
        token: The camera's own name of it; how `cameras set` names it, too.
        name: What somebody called it.
        encoder: The camera's name of the encoder configuration; None where the profile has none, and so no picture.
        codec: `H.264`, `H.265`, `MJPEG` or the camera's own word.
        size_px: (width, height).
        frames_per_second: Highest rate.
        gop: Pictures from one key frame to the next.
        kbit_per_second: Highest bit rate.
        address: Of the stream, without a login.
        is_shortened: Whether the camera's own address seems to hold a login, and had to be shortened.
    """

    token: str
    name: str = ""
    encoder: str | None = None
    codec: str | None = None
    size_px: tuple[int, int] | None = None
    frames_per_second: float | None = None
    gop: int | None = None
    kbit_per_second: int | None = None
    address: str | None = None
    is_shortened: bool = False

    @property
    def pixels_per_second(self) -> float | None:
        """What decoding it costs, about."""
        if self.size_px is None:
            return None
        return self.size_px[0] * self.size_px[1] * (self.frames_per_second or 25.0)

    @property
    def keyframe_seconds(self) -> float | None:
        """Time from one key frame to the next."""
        if self.gop is None or not self.frames_per_second:
            return None
        return self.gop / self.frames_per_second

    @property
    def is_usable(self) -> bool:
        """Whether a station can show it."""
        return self.codec in _CODECS and self.size_px is not None and self.address is not None


@dataclass(frozen=True, slots=True)
class FaceShare:
    """How large the face is in a camera's picture, measured in one of its streams.

    Attributes:
        face_px: Shorter side of the face's box.
        width_px: Width of the picture in which it was measured.
    """

    face_px: float
    width_px: int

    def in_width(self, width_px: int) -> float:
        """Return how many pixels the face has in a picture of another width."""
        return self.face_px * width_px / self.width_px


@dataclass(frozen=True, slots=True)
class Proposal:
    """Which profile a station should take.

    Attributes:
        profile: The best one; None where none can be used.
        reason: Why, as one sentence.
        changes: Settings of it that save more, as options of `cameras set`.
        saving: Share of the decoding that profile and changes save together, against the largest profile.
    """

    profile: VideoProfile | None
    reason: str
    changes: tuple[str, ...] = ()
    saving: float = 0.0


def propose(
    profiles: Sequence[VideoProfile], face: FaceShare | None = None, sizes_px: Sequence[tuple[int, int]] = ()
) -> Proposal:
    """Choose the profile that costs least and shows the face well.

    Args:
        profiles: What the camera offers.
        face: How large the face is; None where none was seen.
        sizes_px: (width, height) that the encoders can be set to.
    """
    usable = [profile for profile in profiles if profile.is_usable]
    if not usable:
        return Proposal(
            None, "no profile has an encoder for H.264, H.265 or MJPEG and a stream; set one up on the camera"
        )
    largest = max(usable, key=_cost)
    fast = [one for one in usable if (one.frames_per_second or ENOUGH_FRAMES_PER_SECOND) >= _LEAST_FRAMES_PER_SECOND]
    good = [profile for profile in fast or usable if _shows(profile, face)]
    if not good:
        best = max(fast or usable, key=lambda profile: (_width(profile), -_cost(profile)))
        lack = (
            f"no profile is {_USUAL_WIDTH_PX} px wide"
            if face is None
            else f"the face has {face.in_width(_width(best)):.0f} px even here, and {ENOUGH_FACE_PX:.0f} are wanted: "
            "bring the camera nearer"
        )
        return Proposal(best, f"the largest picture; {lack}")
    best = min(good, key=_cost)
    seen = (
        f"no face was seen, so the smallest picture of at least {_USUAL_WIDTH_PX} px"
        if face is None
        else f"the smallest picture in which the face keeps {ENOUGH_FACE_PX:.0f} px: it has "
        f"{face.in_width(_width(best)):.0f} px there"
    )
    changed, changes = _with_changes(best, face, sizes_px)
    return Proposal(best, seen, changes, max(0.0, 1.0 - _cost(changed) / _cost(largest)))


def advise(
    size_px: tuple[int, int],
    frames_per_second: float | None,
    keyframe_seconds: float | None,
    face_px: float | None,
) -> list[str]:
    """Return what to change about a running camera, one sentence each; empty where all is well.

    Args:
        size_px: (width, height) of its picture.
        frames_per_second: Measured rate.
        keyframe_seconds: Measured time between two key frames.
        face_px: Shorter side of the face's box; None where no face was looked for or seen.
    """
    advice: list[str] = []
    if face_px is not None and face_px < ENOUGH_FACE_PX:
        advice.append(
            Phrase(
                "the face is {width} px wide and {enough} are wanted: take a larger picture, or bring the camera "
                "nearer",
                width=f"{face_px:.0f}",
                enough=f"{ENOUGH_FACE_PX:.0f}",
            )
        )
    smaller = None if face_px is None else _smaller(size_px, FaceShare(face_px, size_px[0]))
    if face_px is not None and smaller is not None:
        share = smaller[0] / size_px[0]
        advice.append(
            Phrase(
                "the face is {width} px wide: {size} would keep {left} px and save {share} of the decoding",
                width=f"{face_px:.0f}",
                size=f"{smaller[0]} x {smaller[1]}",
                left=f"{face_px * share:.0f}",
                share=f"{1 - share * share:.0%}",
            )
        )
    if frames_per_second is not None and frames_per_second > _MANY_FRAMES_PER_SECOND:
        saved = 1 - ENOUGH_FRAMES_PER_SECOND / frames_per_second
        advice.append(
            Phrase(
                "{rate} pictures/s, and {enough} are enough: that would save {share} of the decoding",
                rate=f"{frames_per_second:.0f}",
                enough=f"{ENOUGH_FRAMES_PER_SECOND:.0f}",
                share=f"{saved:.0%}",
            )
        )
    if keyframe_seconds is not None and keyframe_seconds > _LONGEST_KEYFRAME_SECONDS * 1.1:
        advice.append(
            Phrase(
                "a key frame every {seconds} s: after a loss the bed cannot be seen for so long; set one every second "
                "or two",
                seconds=f"{keyframe_seconds:.1f}",
            )
        )
    return advice


def _with_changes(
    profile: VideoProfile, face: FaceShare | None, sizes_px: Sequence[tuple[int, int]]
) -> tuple[VideoProfile, tuple[str, ...]]:
    """Return a profile as it could be, and the options that make it so."""
    changed, options = profile, []
    rate = profile.frames_per_second
    if rate is not None and rate > _MANY_FRAMES_PER_SECOND:
        changed = replace(changed, frames_per_second=ENOUGH_FRAMES_PER_SECOND)
        options.append(f"--frames-per-second {ENOUGH_FRAMES_PER_SECOND:.0f}")
    smaller = None
    if face is not None and profile.size_px is not None:
        fitting = [
            size for size in sizes_px if _same_shape(size, profile.size_px) and face.in_width(size[0]) >= ENOUGH_FACE_PX
        ]
        smaller = min(fitting, default=None)
    if smaller is not None and profile.size_px is not None and smaller[0] < profile.size_px[0]:
        changed = replace(changed, size_px=smaller)
        options.append(f"--size {smaller[0]}x{smaller[1]}")
    every = changed.keyframe_seconds
    if every is not None and every > _LONGEST_KEYFRAME_SECONDS and changed.frames_per_second:
        gop = max(1, round(changed.frames_per_second))
        changed = replace(changed, gop=gop)
        options.append(f"--gop {gop}")
    return changed, tuple(options)


def _smaller(size_px: tuple[int, int], face: FaceShare) -> tuple[int, int] | None:
    """Return the smallest usual size that keeps the face large enough; None where that saves little."""
    width, height = size_px
    wide_enough = [usual for usual in _WIDTHS_PX if usual < width and face.in_width(usual) >= ENOUGH_FACE_PX]
    if not wide_enough or 1 - (wide_enough[0] / width) ** 2 < _WORTH_IT:
        return None
    return wide_enough[0], 2 * round(height * wide_enough[0] / width / 2)


def _same_shape(size_px: tuple[int, int], other_px: tuple[int, int]) -> bool:
    """Return whether two pictures show the same part of the scene, most likely."""
    return abs(size_px[0] * other_px[1] / (size_px[1] * other_px[0]) - 1) < 0.02


def _shows(profile: VideoProfile, face: FaceShare | None) -> bool:
    width = _width(profile)
    return width >= _USUAL_WIDTH_PX if face is None else face.in_width(width) >= ENOUGH_FACE_PX


def _width(profile: VideoProfile) -> int:
    return 0 if profile.size_px is None else profile.size_px[0]


def _cost(profile: VideoProfile) -> float:
    return profile.pixels_per_second or 1.0
