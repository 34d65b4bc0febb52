"""Finds the face in every picture of a manifest with the monitor's own detector and orientation search."""

from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces import FaceDetector, OrientedBox, detect_faces
from trainer.crops.faces import FaceRecord, read_faces
from trainer.data.manifest import Manifest
from trainer.data.pictures import read_picture
from trainer.detection import detector_sha256, open_detector
from trainer.errors import CheckpointError
from trainer.process_pool import open_process_pool

__all__ = ["FACES_NAME", "FaceMode", "find_all_faces"]

FACES_NAME = "faces.jsonl"
_CHUNK = 12

FaceMode = Literal["detect", "whole", "detect-or-whole"]


def _record(
    image: NDArray[np.uint8], sha256: str, detector: FaceDetector | None, mode: FaceMode, detector_digest: str
) -> FaceRecord:
    found = () if detector is None else detect_faces(image, detector)
    if found:
        face = max(found, key=lambda candidate: candidate.box.size_px)
        return FaceRecord(sha256, face.box, face.landmarks, face.score, len(found), "detected", detector_digest)
    if mode == "detect":
        return FaceRecord(sha256, None, None, 0.0, 0, "none", detector_digest)
    height, width = image.shape[:2]
    box = OrientedBox((width - 1) / 2, (height - 1) / 2, float(width), float(height), 0.0)
    return FaceRecord(sha256, box, None, 0.0, 0, "whole", detector_digest)


def _chunk(items: list[tuple[Path, str]], mode: FaceMode, detector_bundle: str) -> list[FaceRecord]:
    cv2.setNumThreads(1)
    detector = None if mode == "whole" else open_detector(detector_bundle)
    digest = _digest(mode, detector_bundle)
    return [_record(read_picture(path), sha256, detector, mode, digest) for path, sha256 in items]


def _digest(mode: FaceMode, detector_bundle: str) -> str:
    return "" if mode == "whole" else detector_sha256(detector_bundle)


def find_all_faces(
    manifest: Manifest,
    folder: Path,
    *,
    mode: FaceMode,
    detector_bundle: str,
    jobs: int,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, FaceRecord]:
    """Find the face in every picture; what an interrupted run found with the same detector is reused.

    Args:
        manifest: The pictures.
        folder: Where `faces.jsonl` is written, line by line as faces are found.
        mode: `detect` faces; take the `whole` picture as the face; or the whole where none is found.
        detector_bundle: Which detector.
        jobs: Processes.
        progress: Called with the number of pictures done.

    Returns:
        One record a picture, by its SHA-256.

    Raises:
        BundleError: There is no such detector.
        RejectedImageError: A picture can no longer be read.
        CheckpointError: The records cannot be written.
        DataError: A process was killed.
    """
    if mode != "whole":
        open_detector(detector_bundle)  # a missing bundle is reported once, before any process starts
    digest = _digest(mode, detector_bundle)
    path = folder / FACES_NAME
    known = read_faces(path) if path.exists() else {}
    wanted = {record.sha256: manifest.path(record) for record in manifest.records}
    reusable = {sha256: record for sha256, record in known.items() if _fits(record, mode, digest)}
    known = {sha256: record for sha256, record in reusable.items() if sha256 in wanted}
    waiting = [(file, sha256) for sha256, file in wanted.items() if sha256 not in known]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Rewritten first: a line that a kill cut off, or that belongs to another mode or detector, goes.
        part = path.with_suffix(".part")
        part.write_text("".join(record.to_line() + "\n" for record in reusable.values()), encoding="utf-8")
        part.replace(path)
        progress(len(known))
        with path.open("a", encoding="utf-8") as stream:
            for records in _found(waiting, mode, detector_bundle, jobs):
                for record in records:
                    known[record.sha256] = record
                    stream.write(record.to_line() + "\n")
                stream.flush()
                progress(len(known))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror}; what was found before is retained"
        ) from error
    return known


def _fits(record: FaceRecord, mode: FaceMode, digest: str) -> bool:
    kinds = {"detect": ("detected", "none"), "whole": ("whole",)}.get(mode, ("detected", "whole"))
    return record.how in kinds and (mode == "whole" or record.detector == digest)


def _found(
    waiting: list[tuple[Path, str]], mode: FaceMode, detector_bundle: str, jobs: int
) -> Iterator[list[FaceRecord]]:
    chunks = [waiting[start : start + _CHUNK] for start in range(0, len(waiting), _CHUNK)]
    if jobs == 1 or len(chunks) <= 1:
        yield from (_chunk(chunk, mode, detector_bundle) for chunk in chunks)
        return
    with open_process_pool(jobs, "start the same command again to go on, with fewer --jobs") as pool:
        futures = [pool.submit(_chunk, chunk, mode, detector_bundle) for chunk in chunks]
        for future in as_completed(futures):
            yield future.result()
