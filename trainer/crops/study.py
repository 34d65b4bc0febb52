"""A manifest together with the faces that were found: what every experiment works on."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.faces import crop, geometry
from trainer.crops import cropset
from trainer.crops.cropset import CropSet, cut_wide, pad_px
from trainer.crops.faces import FaceRecord, read_faces
from trainer.crops.finding import FACES_NAME
from trainer.data import pictures
from trainer.data.manifest import ImageRecord, Manifest, read_manifest
from trainer.data.naming import Label, Role
from trainer.data.pictures import read_picture
from trainer.errors import CheckpointError, DataError
from trainer.networks import InputContract

__all__ = ["Study", "crops_folder", "open_study"]

_CUTTING = (crop, geometry, cropset, pictures)


def crops_folder(manifest_path: Path) -> Path:
    """Return where the faces and crops of a manifest are stored by default: beside it."""
    return manifest_path.with_suffix(".crops")


@cache
def _program_sha256() -> str:
    """Return the digest of the modules that read and cut pictures: crops of an older version are cut again."""
    digest = hashlib.sha256()
    for module in _CUTTING:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Study:
    """All pictures, in the manifest's order, with their faces. Indices of rows name pictures everywhere.

    Attributes:
        manifest: The pictures.
        faces: One record a picture.
        folder: Where crops are cached.
    """

    manifest: Manifest
    faces: tuple[FaceRecord, ...]
    folder: Path

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """The pictures."""
        return self.manifest.records

    @property
    def labels(self) -> NDArray[np.float32]:
        """Shape (n,): 1 pain, 0 no pain."""
        return np.array([record.label is Label.PAIN for record in self.records], dtype=np.float32)

    @property
    def targets(self) -> NDArray[np.float32]:
        """Shape (n,): what is learnt: a picture's soft label where it has one, else its label."""
        soft = [record.soft_label for record in self.records]
        return np.array(
            [label if own is None else own for label, own in zip(self.labels, soft, strict=True)], dtype=np.float32
        )

    @property
    def subjects(self) -> NDArray[np.str_]:
        """Shape (n,): whose face it is."""
        return np.array([record.subject for record in self.records])

    @property
    def has_face(self) -> NDArray[np.bool_]:
        """Shape (n,): whether a face was found; without one a picture can neither be trained on nor scored."""
        return np.array([face.box is not None for face in self.faces])

    @property
    def is_main(self) -> NDArray[np.bool_]:
        """Shape (n,): whether a picture is trained and tested on, and not only tested as a possible confuser."""
        return np.array([record.role is Role.MAIN for record in self.records])

    @property
    def crops_sha256(self) -> str:
        """The digest of what is cut from which picture: other boxes make another study of the same pictures.

        Which detector found a box does not count: what is cut is the same.
        """
        content = "".join(replace(face, detector="").to_line() for face in self.faces)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def cut_sha256(self) -> str:
        """The digest under which crops are cached: of what is cut, and of the program that reads and cuts it."""
        return hashlib.sha256(f"{self.crops_sha256} {_program_sha256()}".encode()).hexdigest()

    def crop_set(self, contract: InputContract, progress: Callable[[int], None] = lambda _: None) -> CropSet:
        """Return every picture's crop for an input contract, from the cache where it was cut before.

        Rows without a face are black; no fold contains them.

        Args:
            contract: The network's input.
            progress: Called with the number of pictures done.

        Raises:
            RejectedImageError: A picture can no longer be read.
            CheckpointError: There is no room for the crops.
        """
        path = self.folder / f"wide_{contract.size_px}px_margin{contract.margin:g}_{self.cut_sha256[:12]}.npy"
        if not path.exists():
            self._cut_all(path, contract, progress)
        wide = np.load(path, mmap_mode="r")
        return CropSet(wide, self.labels, self.subjects, contract)

    def _cut_all(self, path: Path, contract: InputContract, progress: Callable[[int], None]) -> None:
        side = contract.size_px + 2 * pad_px(contract)
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(self.faces), side, side, 3)}
        missing = np.zeros((side, side, 3), np.uint8)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Written picture by picture: memory does not grow with their number, and a full disk is an error that can
            # be reported, while a mapped file on a disk that fills up ends the process.
            with part.open("wb") as stream:
                np.lib.format.write_array_header_1_0(stream, header)
                for index, (record, face) in enumerate(zip(self.records, self.faces, strict=True)):
                    crop = missing
                    if face.box is not None:
                        crop = cut_wide(read_picture(self.manifest.path(record)), face.box, contract)
                    stream.write(np.ascontiguousarray(crop).tobytes())
                    progress(index + 1)
            part.replace(path)
        except OSError as error:
            size_mb = len(self.faces) * missing.nbytes / 1e6
            raise CheckpointError(
                f"{path} cannot be written ({error.strerror}); it takes {size_mb:.0f} MB: free some space, or keep "
                "the crops elsewhere with `nicu-trainer crop --out`"
            ) from error
        finally:
            part.unlink(missing_ok=True)


def open_study(manifest_path: Path, folder: Path | None = None) -> Study:
    """Return a manifest with its faces.

    Args:
        manifest_path: The manifest.
        folder: Where `nicu-trainer crop` wrote; beside the manifest when absent.

    Raises:
        DataError: The manifest or the faces are missing or damaged, or some picture was not searched for a face yet.
    """
    manifest = read_manifest(manifest_path)
    folder = folder or crops_folder(manifest_path)
    found = read_faces(folder / FACES_NAME)
    missing = [record.image for record in manifest.records if record.sha256 not in found]
    if missing:
        raise DataError(
            f"{len(missing)} pictures of {manifest_path} have no crop yet, such as {missing[0]}; run "
            f"`nicu-trainer crop {manifest_path}`, which goes on where it stopped"
        )
    return Study(manifest, tuple(found[record.sha256] for record in manifest.records), folder)
