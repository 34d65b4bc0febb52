"""The camera's picture for people: rendered when somebody asks for it, never stored."""

import threading
from dataclasses import replace
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.board import BedPicture, BoardReader
from monitor.faces.drawing import draw_faces
from monitor.faces.patient_tracker import FrameFaces, TrackedFace

__all__ = ["PreviewReader", "PreviewSize", "Previews", "draw_preview"]

Picture = NDArray[np.uint8]
PreviewSize = Literal["full", "small"]
"""How large a picture for people is: `full` is at most 960 px wide, `small` 480."""

_WIDTH_PX: dict[PreviewSize, int] = {"full": 960, "small": 480}
# Lines that are seen on a telephone, or from across a room.
_LINE_SCALE: dict[PreviewSize, float] = {"full": 1.5, "small": 1.0}
_QUALITY = 80
# So many blocks remain of the longer side: where the infant lies can be seen, who it is cannot.
_BLUR_BLOCKS = 32


def draw_preview(
    image: Picture, frame_faces: FrameFaces | None, *, blurred: bool, size: PreviewSize = "full"
) -> Picture:
    """Return a picture for people: reduced, blurred if wanted, with the faces' boxes and points.

    The whole picture is blurred, not only the faces: a face that was not found would otherwise stay sharp. What is
    known about the faces stands beside the picture in words, not in it, where it could not be read on a telephone.

    Args:
        image: Shape (height, width, 3), uint8, RGB; not changed.
        frame_faces: Faces in pixels of `image`.
        blurred: Whether people must not be recognisable.
        size: How large it becomes.

    Returns:
        Shape (height', width', 3), uint8, RGB.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _WIDTH_PX[size] / width)
    size_px = (max(1, round(width * scale)), max(1, round(height * scale)))
    if blurred:
        shrink = min(1.0, _BLUR_BLOCKS / max(width, height))
        blocks = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        small = cv2.resize(image, blocks, interpolation=cv2.INTER_AREA)
        resized = cv2.resize(small, size_px, interpolation=cv2.INTER_CUBIC)
    else:
        resized = cv2.resize(image, size_px, interpolation=cv2.INTER_AREA)
    rendered = np.asarray(resized, dtype=np.uint8)
    if frame_faces is not None:
        draw_faces(rendered, _scaled(frame_faces, scale), labelled=False, line_scale=_LINE_SCALE[size])
    return rendered


def _scaled(frame_faces: FrameFaces, scale: float) -> FrameFaces:
    """Return the same faces in a picture that was reduced."""

    def scaled(tracked: TrackedFace) -> TrackedFace:
        box = tracked.face.box
        smaller = replace(
            box,
            center_x_px=box.center_x_px * scale,
            center_y_px=box.center_y_px * scale,
            width_px=box.width_px * scale,
            height_px=box.height_px * scale,
        )
        return replace(tracked, face=replace(tracked.face, box=smaller, landmarks=tracked.face.landmarks * scale))

    patient = None if frame_faces.patient is None else scaled(frame_faces.patient)
    return replace(frame_faces, faces=tuple(scaled(tracked) for tracked in frame_faces.faces), patient=patient)


class PreviewReader(Protocol):
    """What readers need of `Previews`."""

    @property
    def is_on(self) -> bool:
        """Whether pictures may be shown at all."""
        ...

    @property
    def is_blurred(self) -> bool:
        """Whether pictures are blurred."""
        ...

    def jpeg(self, bed_id: str, size: PreviewSize = "full") -> bytes | None:
        """Return the newest picture of a bed as JPEG; None where none may be shown."""
        ...


class Previews:
    """Draws each picture once, however many people watch it. Thread-safe.

    Args:
        board: Where the pictures are.
        mode: `off`, `blurred` or `full`.
    """

    def __init__(self, board: BoardReader, mode: Literal["off", "blurred", "full"]) -> None:
        self._board = board
        self._mode = mode
        self._lock = threading.Lock()
        self._rendered: dict[tuple[str, PreviewSize], tuple[int, bytes]] = {}

    @property
    def is_on(self) -> bool:
        """Whether pictures may be shown at all."""
        return self._mode != "off"

    @property
    def is_blurred(self) -> bool:
        """Whether pictures are blurred."""
        return self._mode == "blurred"

    def jpeg(self, bed_id: str, size: PreviewSize = "full") -> bytes | None:
        """Return the newest picture of a bed as JPEG; None where there is none, it is too old, or none may be shown."""
        picture = self._board.picture(bed_id) if self.is_on else None
        with self._lock:
            if picture is None:
                for other in _WIDTH_PX:
                    self._rendered.pop((bed_id, other), None)
                return None
            index, jpeg = self._rendered.get((bed_id, size), (-1, b""))
            if index != picture.index:
                jpeg = self._encode(picture, size)
                self._rendered[bed_id, size] = (picture.index, jpeg)
            return jpeg

    def _encode(self, picture: BedPicture, size: PreviewSize) -> bytes:
        rendered = draw_preview(
            np.asarray(picture.frame.image), picture.frame_faces, blurred=self.is_blurred, size=size
        )
        _, data = cv2.imencode(".jpg", cv2.cvtColor(rendered, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return data.tobytes()
