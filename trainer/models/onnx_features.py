"""Frozen features of any network in an ONNX file, computed once a picture and stored beside the crops.

The file takes one picture input, (N, 3, S, S) or (N, S, S, 3), of floats or bytes, and its first output is taken: a
vector as it is, a map by its mean over the positions. What a picture becomes before is the input contract.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trainer.atomic_file import write_atomically
from trainer.crops import Study
from trainer.errors import CheckpointError, SettingsError
from trainer.networks import InputContract, prepare_crops

__all__ = ["OnnxFeatures", "file_digest"]

_BATCH = 16
_DEFAULT_PX = 224
_IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        CheckpointError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}); name an ONNX file with weights=FILE"
        ) from error


class OnnxFeatures:
    """A frozen network's features of a study's pictures.

    Args:
        path: The ONNX file.
        study: The pictures.
        contract: Changes to the input: size_px where the file leaves it open, margin, mean, std, colour_order,
            value_maximum; ImageNet's mean and deviation where they are not given.

    Raises:
        CheckpointError: The file cannot be read, is no ONNX file, or takes no single picture.
        SettingsError: The contract is wrong, or has another size than the file.
    """

    def __init__(self, path: Path, study: Study, contract: dict[str, Any]) -> None:
        self._study, self._path = study, path
        self.sha256 = file_digest(path)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # with other threads the sums differ in their last digits
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has no common base of its errors
            raise CheckpointError(
                f"{path} is no ONNX file that can be run here: {str(error).splitlines()[0]}"
            ) from error
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or 3 not in {shape[1], shape[3]}:
            raise CheckpointError(
                f"{path} takes {[tuple(entry.shape) for entry in inputs]}; it must take one picture of three channels"
            )
        self._name, self._is_first = inputs[0].name, shape[1] == 3
        self._is_bytes = inputs[0].type == "tensor(uint8)"
        side = shape[2] if isinstance(shape[2], int) else None
        given = {"size_px": side or _DEFAULT_PX, **({} if self._is_bytes else _IMAGENET), **contract}
        try:
            self.contract = InputContract.model_validate(given)
        except ValidationError as error:
            raise SettingsError(f"contract: {error.errors()[0]['msg']}") from error
        if side is not None and self.contract.size_px != side:
            raise SettingsError(
                f"{path} takes pictures of {side} px, not of {self.contract.size_px}; leave size_px away"
            )

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the features of some pictures, shape (k, d).

        Raises:
            CheckpointError: They cannot be computed or stored.
        """
        every = self._stored()
        return np.asarray(every[rows], np.float64)

    def _stored(self) -> NDArray[np.float32]:
        """Return the features of all pictures, shape (n, d): from the file, or computed and written."""
        what = f"{self.sha256} {self.contract.model_dump_json()} {self._study.cut_sha256}"
        path = self._study.folder / "features" / f"onnx-{hashlib.sha256(what.encode()).hexdigest()[:32]}.npy"
        if path.exists():
            return np.asarray(np.load(path, allow_pickle=False), np.float32)
        crops = self._study.crop_set(self.contract)
        rows = np.arange(len(self._study.records))
        parts = [self._computed(crops.exact(rows[start : start + _BATCH])) for start in range(0, len(rows), _BATCH)]
        features = np.concatenate(parts)
        content = io.BytesIO()
        np.save(content, features, allow_pickle=False)
        write_atomically(path, content.getvalue())
        return features

    def _computed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        if self._is_bytes:
            values: NDArray[Any] = np.ascontiguousarray(crops.transpose(0, 3, 1, 2)) if self._is_first else crops
        else:
            prepared = prepare_crops(torch.from_numpy(crops), self.contract).numpy()
            values = np.ascontiguousarray(prepared if self._is_first else prepared.transpose(0, 2, 3, 1))
        try:
            found = np.asarray(self._session.run(None, {self._name: values})[0], np.float32)
        except Exception as error:  # ONNX Runtime has no common base of its errors
            raise CheckpointError(f"{self._path} cannot be run on these crops: {str(error).splitlines()[0]}") from error
        if found.ndim == 4:
            found = found.mean(axis=(2, 3) if self._is_first else (1, 2))
        if len(found) != len(crops) or not np.isfinite(found).all():
            raise CheckpointError(
                f"{self._path} gave {found.shape} for {len(crops)} pictures, or numbers that are none"
            )
        return found.reshape(len(crops), -1)
